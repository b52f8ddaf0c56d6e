import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorLine } from '../../src/platform/errors.ts';
import { loadIdentity, readLeaf } from '../../src/roles-anywhere/identity.ts';
import { identityPlan } from '../../src/roles-anywhere/session-plan.ts';
import { Authority } from './support/authority.ts';
import type { Issued } from './support/authority.ts';
import { SoftTokens, hasSoftHsm } from './support/soft-token.ts';

const DATA = Buffer.from('what is signed');
const PIN = '1234';

describe.skipIf(!(await hasSoftHsm()))('keys and certificates in PKCS#11 tokens', () => {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-token-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const root = Authority.root();
  const issued: Record<string, Issued> = {
    rsa: root.issue('rsa', { kind: 'rsa' }),
    ec: root.issue('ec', { kind: 'P-384' }),
    asking: root.issue('asking'),
    other: root.issue('other'),
  };
  let tokens: SoftTokens;
  beforeAll(async () => {
    tokens = new SoftTokens();
    tokens.make('My Token', PIN);
    tokens.make('Other', '5678');
    const mine = ['My Token', PIN] as const;
    await tokens.put(mine, { label: 'rsa key', id: 1 }, issued['rsa']!);
    await tokens.put(mine, { label: 'ec key', id: 2, certificateLabel: 'ec' }, issued['ec']!);
    const asking = { ...issued['asking']!, isAlwaysAsking: true };
    await tokens.put(mine, { label: 'asking', id: 3 }, asking);
    await tokens.put(['Other', '5678'], { label: 'ec key', id: 2 }, issued['other']!);
  });
  afterAll(() => {
    tokens.remove();
    rmSync(folder, { recursive: true });
  });

  const asked: string[] = [];
  /** Signs as a request is signed. @returns whether the signature is good, or the error */
  async function sign(
    options: Readonly<Record<string, string | boolean>>,
    ...answers: string[]
  ): Promise<string> {
    asked.length = 0;
    const plan = identityPlan({ 'pkcs11-lib': tokens.library, ...options }, {});
    const world = {
      say: () => undefined,
      askPassphrase: (message: string) => {
        asked.push(message);
        const answer = answers.shift();
        return answer === undefined ? Promise.reject(new Error('nobody')) : Promise.resolve(answer);
      },
    };
    try {
      const leaf = await readLeaf(plan);
      const { certificate, signer } = await loadIdentity(plan, leaf, world, Date.now());
      const signature = await signer.sign('SHA256', DATA);
      return verify('SHA256', DATA, certificate.publicKey, signature) ? 'good' : 'bad';
    } catch (error) {
      return errorLine(error);
    }
  }
  const certificateOf = (name: string): string => write(`${name}.pem`, issued[name]!.certificate);
  const pinFile = (): string => write('pin', `${PIN}\n`);

  it.each([
    ['RSA, key beside the certificate', 'pkcs11:token=My%20Token;id=%01'],
    ['EC, certificate of another label', 'pkcs11:token=My%20Token;object=ec'],
  ])('sign: %s', async (_what, certificate) => {
    expect(await sign({ certificate, 'pkcs11-pin-file': pinFile() })).toBe('good');
    expect(await sign({ certificate: `${certificate}?pin-source=file://${pinFile()}` })).toBe(
      'good',
    );
    expect(await sign({ certificate }, PIN)).toBe('good');
    expect(asked).toEqual(['PIN of the token My Token:']);
  });

  it('sign for a certificate in a file, and for no other', async () => {
    const key = { 'private-key': 'pkcs11:object=rsa%20key', 'pkcs11-pin-file': pinFile() };
    expect(await sign({ certificate: certificateOf('rsa'), ...key })).toBe('good');
    expect(await sign({ certificate: certificateOf('ec'), ...key })).toMatch(/\[DA_KEY_MISMATCH\]/);
    const ec = { ...key, 'private-key': 'pkcs11:token=My%20Token;object=ec%20key' };
    // EC keys tell nothing of themselves: the signature does.
    expect(await sign({ certificate: certificateOf('other'), ...ec })).toMatch(
      /private key pkcs11:token=My%20Token;object=ec%20key is not that of .*\[DA_KEY_MISMATCH\]/,
    );
  });

  it('ask for the PIN again where the key wants it, unless it is to be reused', async () => {
    const certificate = 'pkcs11:object=asking';
    expect(await sign({ certificate }, PIN, PIN)).toBe('good');
    expect(asked[1]).toBe('PIN of the key in My Token (for each signature):');
    const options = { certificate, 'pkcs11-pin-file': pinFile() };
    expect(await sign({ ...options, 'reuse-pin': true })).toBe('good');
    expect(await sign(options)).toBe('nobody');
  });

  it('give a PIN to one token only, and say which there are', async () => {
    const key = { 'private-key': 'pkcs11:object=ec%20key' };
    // The token that shows the certificate is the one.
    expect(await sign({ certificate: certificateOf('ec'), ...key }, PIN)).toBe('good');
    const stranger = write('stranger.pem', root.issue('stranger').certificate);
    expect(await sign({ certificate: stranger, ...key }, PIN)).toMatch(
      /2 tokens fit pkcs11:object=ec%20key: .*\[DA_PKCS11_OBJECT\] Next: name one with token=/,
    );
    expect(asked).toEqual([]);
  });

  it('are told apart where several or none fit', async () => {
    expect(await sign({ certificate: 'pkcs11:token=My%20Token' })).toMatch(
      /3 certificates fit .*pkcs11:token=My%20Token;id=%01;object=rsa%20key \(O=devaccess, CN=rsa\)/,
    );
    expect(await sign({ certificate: 'pkcs11:object=none' })).toMatch(/No token holds a cert/);
    expect(await sign({ certificate: 'pkcs11:token=none' })).toMatch(/No token fits/);
    const noLibrary = { certificate: 'pkcs11:id=%01', 'pkcs11-lib': '/nowhere.so' };
    expect(await sign(noLibrary)).toMatch(/\[DA_PKCS11_LIBRARY\]/);
  });

  it('are not locked by a wrong PIN that is tried again and again', async () => {
    const options = { certificate: 'pkcs11:object=rsa%20key' };
    const wrong = { ...options, 'pkcs11-pin-file': write('wrong', '9999') };
    expect(await sign(wrong)).toMatch(/The PIN is wrong for the token My Token.*\[DA_PKCS11_PIN\]/);
    const right = { ...options, 'pkcs11-pin-file': pinFile() };
    expect(await sign(right)).toMatch(/so the one at hand is not tried \[DA_PKCS11_PIN\]/);
    expect(await sign(options, '9999')).toMatch(/has refused this PIN already/);
    expect(asked).toEqual(['PIN of the token My Token (a wrong one was given):']);
    expect(await sign(options, PIN)).toBe('good');
    expect(await sign(right)).toBe('good');
  });
});
