import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SetupQuestion } from '../../../../src/credentials/long-term-setup.ts';
import type { KeyPlace } from '../../../../src/credentials/stored-keys/key-places.ts';
import { setUpLogin } from '../../../../src/credentials/stored-keys/login-setup.ts';
import { moveKey } from '../../../../src/credentials/stored-keys/move-key.ts';
import { changeTotp } from '../../../../src/credentials/stored-keys/totp-login.ts';
import { DevaccessError } from '../../../../src/platform/errors.ts';
import { MemoryStore } from './memory-store.ts';

const SECRET = 'SEKRIT/abc+def';
const SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const KEY = `aws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = ${SECRET}\n`;
const DEVICE = 'arn:aws:iam::123456789012:mfa/a';

let home: string;
let store: MemoryStore;
let asked: string[];
let answers: string[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-login-'));
  store = new MemoryStore();
  asked = [];
  answers = [];
});
afterEach(() => rmSync(home, { recursive: true }));

const file = (): string => join(home, '.aws', 'credentials');
const text = (): string => readFileSync(file(), 'utf8');
function write(content: string): void {
  mkdirSync(join(home, '.aws'), { recursive: true, mode: 0o700 });
  writeFileSync(file(), content, { mode: 0o600 });
}
function answer({ message }: { message: string }): Promise<string> {
  asked.push(message);
  const next = answers.shift();
  return next === undefined
    ? Promise.reject(new DevaccessError('DA_CANCELLED', 'Cancelled'))
    : Promise.resolve(next);
}
const world = () => ({
  env: { HOME: home },
  ask: (question: SetupQuestion) => answer(question),
  askSecret: answer,
  openStore: () => store,
  say: () => undefined,
});
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;
const setUp = (place?: KeyPlace, profile?: string) =>
  setUpLogin({ profile, longTermSuffix: undefined, place, forTools: undefined }, world());
const query = { profile: 'default', longTermSuffix: undefined };
const totp = (isStored: boolean) => changeTotp({ ...query, isStored }, world());
const move = (to: KeyPlace) => moveKey({ ...query, to, forTools: undefined }, world());

describe('setting up a key', () => {
  it('puts it into the keychain, and where it is into a new section', async () => {
    answers = ['', 'AKIAEXAMPLEEXAMPLE00', SECRET, DEVICE];
    expect(await setUp()).toEqual({
      profile: 'default',
      action: 'set-up',
      section: 'default-long-term',
      place: 'keychain',
      accessKeyIdSuffix: 'LE00',
    });
    const [entry, secret] = [...store.secrets][0] ?? [];
    expect(text()).toBe(
      `[default-long-term]\ndevaccess_store = keychain\ndevaccess_entry = ${entry ?? ''}\n` +
        `aws_mfa_device = ${DEVICE}\n`,
    );
    expect(secret).toContain(SECRET);
  });

  it('writes plain text only when it is told to', async () => {
    answers = ['AKIAEXAMPLEEXAMPLE00', SECRET, ''];
    await setUp('plain', 'work');
    expect(text()).toBe(`[work-long-term]\n${KEY}`);
    expect(store.secrets.size).toBe(0);
  });

  it('finds out that there is no keychain before a secret is typed', async () => {
    store.faults.prepare = () => {
      throw new DevaccessError('DA_KEYCHAIN_UNAVAILABLE', 'none');
    };
    await expect(setUp('keychain', 'work')).rejects.toThrow(code('DA_KEYCHAIN_UNAVAILABLE'));
    expect(asked).toEqual([]);
  });

  it('leaves nothing where the person stops', async () => {
    answers = ['AKIAEXAMPLEEXAMPLE00'];
    await expect(setUp('keychain', 'work')).rejects.toThrow(code('DA_CANCELLED'));
    expect(store.secrets.size).toBe(0);
  });

  it('asks for no key that is there, and moves it where it is told to', async () => {
    write(`[default-long-term]\n${KEY}`);
    await expect(setUp(undefined, 'default')).rejects.toThrow(code('DA_PROFILE_EXISTS'));
    expect(await setUp('keychain', 'default')).toMatchObject({ action: 'moved', to: 'keychain' });
    await expect(setUp('keychain', 'default')).rejects.toThrow(code('DA_PROFILE_EXISTS'));
    expect(asked).toEqual([]);
  });
});

describe('the seed of the MFA device', () => {
  beforeEach(() => write(`[default-long-term]\n${KEY}aws_mfa_device = ${DEVICE}\n`));

  it('is refused for a key in plain text, before it is typed', async () => {
    await expect(totp(true)).rejects.toThrow(code('DA_TOTP_PLAIN'));
    expect(asked).toEqual([]);
    expect((await totp(false)).action).toBe('unchanged');
  });

  it('lies with the key, goes with it, and not into plain text', async () => {
    await move('keychain');
    answers = [SEED.toLowerCase()];
    expect(await totp(true)).toMatchObject({ action: 'stored', place: 'keychain' });
    expect(store.secrets.size).toBe(1);
    expect([...store.secrets.values()][0]).toContain(SEED);
    expect(text()).toContain('devaccess_totp = stored\n');
    expect(text()).not.toContain(SEED);
    await move('file');
    expect([...store.secrets.values()]).toEqual([expect.stringContaining(SEED)]);
    expect(text()).toContain('devaccess_totp = stored\n');
    await expect(move('plain')).rejects.toThrow(code('DA_TOTP_PLAIN'));
    expect((await totp(false)).action).toBe('removed');
    expect([...store.secrets.values()]).toEqual([expect.not.stringContaining(SEED)]);
    await move('plain');
    expect(text()).not.toContain('devaccess_');
  });

  it('is not lost, and the key neither, where the store fails meanwhile', async () => {
    await move('keychain');
    const before = text();
    answers = [SEED];
    store.faults.write = () => {
      throw new DevaccessError('DA_KEYCHAIN_REFUSED', 'locked');
    };
    await expect(totp(true)).rejects.toThrow(code('DA_KEYCHAIN_REFUSED'));
    expect(text()).toBe(before);
    expect(store.secrets.size).toBe(1);
  });
});
