import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secretText } from '../../../src/aws/long-term-secret.ts';
import { storedCredentials } from '../../../src/aws/stored-chain.ts';
import { EncryptedFile } from '../../../src/platform/secrets/encrypted-file.ts';
import { CHEAP_SCRYPT } from '../platform/secrets/cheap-scrypt.ts';

const PASSPHRASE = 'correct horse battery';
const KEY = { accessKeyId: 'AKIAEXAMPLEEXAMPLE00', secretAccessKey: 'SEKRIT' };
/** A new one each time, as what a process has read once it remembers. */
let entry: string;
let home: string;
let count = 0;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-stored-'));
  mkdirSync(join(home, '.aws'), { mode: 0o700 });
  count += 1;
  entry = `work/${KEY.accessKeyId}/${String(count).padStart(16, '0')}`;
  await keep(entry, secretText(KEY));
});
afterEach(() => rmSync(home, { recursive: true }));

function keep(name: string, secret: string): Promise<void> {
  const passphrase = (): Promise<string> => Promise.resolve(PASSPHRASE);
  const source = { tries: 1, present: passphrase, chosen: passphrase };
  const path = join(home, '.aws', 'devaccess-keys.json');
  return new EncryptedFile(path, source, CHEAP_SCRYPT).write(name, secret);
}

function write(credentials: string, config = ''): void {
  writeFileSync(join(home, '.aws', 'credentials'), credentials, { mode: 0o600 });
  writeFileSync(join(home, '.aws', 'config'), config);
}

const env = (extra: Record<string, string> = {}) => ({
  HOME: home,
  PATH: process.env['PATH'],
  DEVACCESS_PASSPHRASE_COMMAND: `echo '${PASSPHRASE}'`,
  ...extra,
});
const credentials = (profile?: string, extra: Record<string, string> = {}) =>
  storedCredentials({ profile, env: env(extra) });
const pointer = (name = entry): string => `devaccess_store = file\ndevaccess_entry = ${name}\n`;

describe('credentials of a stored key', () => {
  it('are read from where the section says', async () => {
    write(`[work]\n${pointer()}`, '[profile work]\naws_account_id = 123456789012\n');
    expect(await credentials('work')).toEqual({ ...KEY, accountId: '123456789012' });
    expect(await credentials(undefined, { AWS_PROFILE: 'work' })).toMatchObject(KEY);
  });

  it('are read once by a process', async () => {
    write(`[work]\n${pointer()}`);
    await credentials('work');
    const broken = { DEVACCESS_PASSPHRASE_COMMAND: 'false' };
    expect(await credentials('work', broken)).toMatchObject(KEY);
  });

  it.each([
    ['a profile that is not there', '[x]\n'],
    ['a key in plain text', '[work]\naws_access_key_id = A\naws_secret_access_key = B\n'],
    ['words of a newer version', '[work]\ndevaccess_store = yubikey\ndevaccess_entry = x\n'],
    ['a role from elsewhere', '[work]\nrole_arn = x\nsource_profile = x\n[x]\nregion = y\n'],
    ['a circle of roles', '[work]\nrole_arn = x\nsource_profile = work\n'],
  ])('are not for %s', async (_what, text) => {
    write(text);
    expect(await credentials('work')).toBeUndefined();
  });

  it('are not used where a key in plain text lies beside', async () => {
    write(`[work]\naws_access_key_id = A\naws_secret_access_key = B\n${pointer()}`);
    expect(await credentials('work')).toBeUndefined();
  });

  it('need no passphrase for a role with MFA that has no session', async () => {
    const config = '[profile admin]\nrole_arn = x\nsource_profile = work\nmfa_serial = y\n';
    write(`[work]\n${pointer()}`, config);
    const asked = credentials('admin', { DEVACCESS_PASSPHRASE_COMMAND: 'false' });
    await expect(asked).rejects.toMatchObject({ code: 'DA_NO_CREDENTIALS', exitCode: 3 });
  });

  it('say what is wrong with the store', async () => {
    const missing = `work/${KEY.accessKeyId}/ffffffffffffffff`;
    write(`[work]\n${pointer(missing)}`);
    await expect(credentials('work')).rejects.toMatchObject({ code: 'DA_KEY_NOT_STORED' });
    const other = `work/AKIAEXAMPLEEXAMPLE99/eeeeeeeeeeeeeeee`;
    await keep(other, secretText(KEY));
    write(`[work]\n${pointer(other)}`);
    await expect(credentials('work')).rejects.toMatchObject({ code: 'DA_KEY_DAMAGED' });
    write(`[work]\n${pointer()}`);
    const wrong = { DEVACCESS_PASSPHRASE_COMMAND: 'echo something else' };
    await expect(credentials('work', wrong)).rejects.toMatchObject({ code: 'DA_PASSPHRASE_WRONG' });
  });
});
