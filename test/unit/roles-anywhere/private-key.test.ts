import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { DER_TAG, der, derInteger, derOid } from '../../../src/platform/der.ts';
import { pemText } from '../../../src/platform/pem.ts';
import { readPrivateKey } from '../../../src/roles-anywhere/private-key.ts';
import { DIGESTS, signTestMessage, testMessage } from '../../../src/roles-anywhere/signing-test.ts';
import { keySigner } from '../../../src/roles-anywhere/signer.ts';
import { verify } from 'node:crypto';
import { readVector } from '../../vectors/read-vector.ts';
import { vectorFiles, vectorText } from './vectors.ts';

const ENCRYPTED = 'rsa-key-pkcs8-encrypted-password-is-password.pem';
const FILES = [
  'p256-key-pkcs8.pem',
  'p256-key-sec1.pem',
  'p384-key-pkcs8.pem',
  'p384-key-sec1.pem',
  'rsa-key-pkcs1.pem',
  'rsa-key-pkcs8.pem',
  ENCRYPTED,
];
const { folder, path } = vectorFiles(...FILES);
afterAll(() => rmSync(folder, { recursive: true }));

const nobody = (): Promise<string> => Promise.reject(new Error('asked'));
const open = (name: string, given?: string, ask: () => Promise<string> = nobody) =>
  readPrivateKey(path(name), { given, ask });
const failure = (code: string) => expect.objectContaining({ code }) as Error;
function write(text: string): string {
  writeFileSync(path('key.pem'), text, { mode: 0o600 });
  return 'key.pem';
}

interface Recorded {
  message_hex: string;
  [signature: string]: string;
}
const SIGNED = readVector('roles-anywhere/sign-string.json') as Record<string, Recorded>;

describe('a private key', () => {
  it.each(FILES)('is read and signs as aws_signing_helper does: %s', async (file) => {
    const signer = keySigner(await open(file, file === ENCRYPTED ? 'password' : undefined));
    const recorded = SIGNED[file.split('-')[0]!]!;
    expect(testMessage(signer.publicKey).toString('hex')).toBe(recorded.message_hex);
    for (const digest of DIGESTS) {
      const exact = recorded[`signature_${digest}`];
      const sample = recorded[`signature_sample_${digest}`];
      const signature = await signTestMessage(signer, digest);
      if (exact !== undefined) expect(signature.toString('hex')).toBe(exact);
      const message = Buffer.from(recorded.message_hex, 'hex');
      for (const each of [signature, Buffer.from(sample ?? exact ?? '', 'hex')]) {
        expect(verify(digest, message, signer.publicKey, each)).toBe(true);
      }
    }
  });

  it('encrypted in a way that OpenSSL gave up is told apart from a wrong passphrase', async () => {
    const pbeWithMd5AndDes = der(
      DER_TAG.sequence,
      derOid('1.2.840.113549.1.5.3'),
      der(DER_TAG.sequence, der(DER_TAG.octetString, Buffer.alloc(8)), derInteger(2048n)),
    );
    const contents = der(DER_TAG.octetString, Buffer.alloc(64));
    const file = write(
      pemText('ENCRYPTED PRIVATE KEY', der(DER_TAG.sequence, pbeWithMd5AndDes, contents)),
    );
    await expect(open(file, 'password')).rejects.toThrow(failure('DA_KEY_INVALID'));
    await expect(open(ENCRYPTED, 'wrong')).rejects.toThrow(failure('DA_KEY_PASSPHRASE'));
    // Its padding is right by chance.
    await expect(open(ENCRYPTED, 'wrong 200')).rejects.toThrow(failure('DA_KEY_PASSPHRASE'));
  });

  it('may follow EC PARAMETERS, a certificate and comments', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
    const sec1 = privateKey.export({ format: 'pem', type: 'sec1' }) as string;
    const parameters = '-----BEGIN EC PARAMETERS-----\nBgUrgQQAIw==\n-----END EC PARAMETERS-----\n';
    const file = write(`${vectorText('root-cert.pem')}# key\r\n${parameters}${sec1}`);
    expect((await open(file)).equals(privateKey)).toBe(true);
  });

  it('is PKCS#8 where a file holds several forms, as in aws_signing_helper', async () => {
    const file = write(vectorText('p256-key-sec1.pem') + vectorText('rsa-key-pkcs8.pem'));
    expect((await open(file)).asymmetricKeyType).toBe('rsa');
  });

  it.each([
    ['aes-128-cbc', 'pkcs8'],
    ['aes-256-cbc', 'pkcs8'],
    ['aes-256-cbc', 'pkcs1'],
    ['aes-128-cbc', 'sec1'],
  ] as const)('is opened with its passphrase: %s %s', async (cipher, type) => {
    const { privateKey } =
      type === 'sec1'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
    const file = write(
      privateKey.export({ format: 'pem', type, cipher, passphrase: 'grün' } as never) as string,
    );
    expect((await open(file, 'grün')).equals(privateKey)).toBe(true);
    expect((await open(file, undefined, () => Promise.resolve('grün'))).equals(privateKey)).toBe(
      true,
    );
    await expect(open(file, 'wrong')).rejects.toThrow(failure('DA_KEY_PASSPHRASE'));
    await expect(open(file, '')).rejects.toThrow('asked');
  });

  it.each([
    ['', 'DA_KEY_INVALID'],
    [vectorText('root-cert.pem'), 'DA_KEY_INVALID'],
    ['-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n', 'DA_KEY_INVALID'],
    [
      generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
      'DA_KEY_INVALID',
    ],
    ['-----BEGIN TSS2 PRIVATE KEY-----\nMIIB\n-----END TSS2 PRIVATE KEY-----\n', 'DA_KEY_STORE'],
  ])('of no use is refused: %#', async (text, code) => {
    await expect(open(write(text))).rejects.toThrow(failure(code));
  });

  it.runIf(process.geteuid !== undefined)('that others can read is refused', async () => {
    chmodSync(path('rsa-key-pkcs1.pem'), 0o640);
    await expect(open('rsa-key-pkcs1.pem')).rejects.toThrow(failure('DA_KEY_EXPOSED'));
    await expect(open('rsa-key-pkcs1.pem')).rejects.toThrow(/mode 0640/);
    chmodSync(path('rsa-key-pkcs1.pem'), 0o400);
    expect((await open('rsa-key-pkcs1.pem')).type).toBe('private');
  });

  it('of a token or a TPM is not supported yet', async () => {
    for (const name of ['pkcs11:object=mine', 'handle:0x81000001']) {
      const read = readPrivateKey(name, { given: undefined, ask: nobody });
      await expect(read).rejects.toThrow(failure('DA_KEY_STORE'));
    }
  });
});
