import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fromIni } from '@aws-sdk/credential-provider-ini';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CredentialsStatus } from '../../src/credentials/status.ts';
import { AccountHolder, role } from './support/account-holder.ts';
import { Keyring, missingForKeyring } from './support/keyring.ts';
import { onTerminal, hasTerminal } from './support/terminal.ts';
import type { CliRun } from './cli.ts';

const PASSPHRASE = 'correct horse battery';
const DEVICE = 'arn:aws:iam::123456789012:mfa/alice';

let alice: AccountHolder;
beforeEach(async () => {
  alice = await AccountHolder.arrive();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await alice.leave();
});

/** Files below the home that hold the secret, in plain or as base64 or hexadecimal digits show it. */
function filesWithSecret(folder = alice.home): string[] {
  const { secretAccessKey } = alice.sandbox.accessKey;
  const bytes = Buffer.from(secretAccessKey);
  const forms = [secretAccessKey, bytes.toString('base64').slice(0, -4), bytes.toString('hex')];
  return readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, 'latin1');
    return forms.some((form) => text.includes(form)) ? [path] : [];
  });
}

/** A file that only alice can read, in her home. */
function privateFile(name: string, text: string, mode = 0o600): string {
  const path = join(alice.home, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** A program that answers for her, and notes what it was asked. */
function askpass(
  answers: Readonly<Record<string, string>>,
  before = 'true',
): Record<string, string> {
  const cases = Object.entries(answers).map(([word, answer]) => `*'${word}'*) echo '${answer}';;`);
  const script =
    `#!/bin/sh\necho "$1" >> '${alice.home}/asked'\n${before}\n` +
    `case "$1" in\n${cases.join('\n')}\n*) exit 1;;\nesac\n`;
  const path = privateFile('askpass', script, 0o700);
  return { SSH_ASKPASS: path, SSH_ASKPASS_REQUIRE: 'force' };
}

const asked = (): string[] =>
  existsSync(join(alice.home, 'asked'))
    ? readFileSync(join(alice.home, 'asked'), 'utf8').split('\n').filter(Boolean)
    : [];
const keyFile = (): string => join(alice.home, '.aws', 'devaccess-keys.json');
const withPassphrase = (): Record<string, string> => ({
  DEVACCESS_PASSPHRASE_FILE: privateFile('passphrase', `${PASSPHRASE}\n`),
});
async function done(run: Promise<CliRun>): Promise<CliRun> {
  const result = await run;
  if (result.code !== 0) throw new Error(result.stderr);
  return result;
}

const ROLES =
  `[default]\nregion = us-east-1\n` +
  `[profile admin]\nrole_arn = ${role('admin')}\nsource_profile = default\n` +
  `[profile by-key]\nrole_arn = ${role('admin')}\nsource_profile = default-long-term\n` +
  `mfa_serial = ${DEVICE}\n`;

describe('devaccess without a stored key', () => {
  it('needs no keychain, and offers the file where there is none', async () => {
    const before = alice.credentials();
    const run = await alice.run(['login', 'move', '--to', 'keychain']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/\[DA_KEYCHAIN_UNAVAILABLE\] Next: .*--to file\n$/);
    expect(alice.credentials()).toBe(before);
    await alice.signIn();
  });
});

describe.skipIf(missingForKeyring !== '')(
  `the keychain${missingForKeyring === '' ? '' : ` (skipped for want of ${missingForKeyring})`}`,
  () => {
    let keyring: Keyring;
    beforeEach(async () => {
      keyring = await Keyring.start(alice.home);
    });
    afterEach(() => keyring.stop());
    const run = (...args: string[]): Promise<CliRun> => alice.run(args, keyring.env);

    it('holds the key for all that needs it', async () => {
      alice.writeConfig(ROLES);
      const before = alice.credentials();
      await done(run('login', 'move', '--to', 'keychain', '--credential-process'));
      expect(filesWithSecret()).toEqual([]);
      const { accessKeyId, secretAccessKey } = alice.sandbox.accessKey;
      const session = await done(run('mfa', '--token', alice.nextCode(), '--json'));
      expect(JSON.parse(session.stdout)).toMatchObject({ action: 'refreshed' });
      // A role from the session, and one by the key, whose secret is not even read for it.
      for (const profile of ['admin', 'by-key']) {
        const words = ['exec', '--profile', profile, '--', 'sh', '-c', 'echo $AWS_ACCESS_KEY_ID'];
        const env = profile === 'by-key' ? {} : keyring.env;
        expect((await done(alice.run(words, env))).stdout).toMatch(/^ASIA/);
      }
      const answer = await done(run('credential-process', '--profile', 'default-long-term'));
      expect(JSON.parse(answer.stdout)).toEqual({
        Version: 1,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
      });
      const status = await done(run('status', '--json'));
      const { profiles } = JSON.parse(status.stdout) as CredentialsStatus;
      expect(profiles.find(({ profile }) => profile === 'default-long-term')).toMatchObject({
        kind: 'long-term-key',
        keyPlace: 'keychain',
        source: 'long-term key in keychain',
        warnings: [],
      });
      // Other tools ask devaccess by the line in the section.
      for (const [name, value] of Object.entries(alice.env(keyring.env))) vi.stubEnv(name, value);
      const provider = fromIni({
        profile: 'default-long-term',
        filepath: alice.credentialsFile,
        configFilepath: join(alice.home, '.aws', 'config'),
        ignoreCache: true,
      });
      expect(await provider()).toMatchObject({ accessKeyId, secretAccessKey });
      expect(filesWithSecret()).toEqual([]);
      await done(run('login', 'move', '--to', 'plain'));
      expect(filesWithSecret()).toEqual([alice.credentialsFile]);
      const lines = (text: string): string[] => text.split('\n').slice(0, 4).sort();
      expect(lines(alice.credentials())).toEqual(lines(before));
    });

    it('is an error and nothing else where it is locked or gone', async () => {
      await done(run('login', 'move', '--to', 'keychain'));
      const before = alice.credentials();
      keyring.lock();
      for (const args of [
        ['mfa', '--token', alice.nextCode()],
        ['login', 'move', '--to', 'plain'],
      ]) {
        const refused = await run(...args);
        expect([refused.code, refused.stdout]).toEqual([1, '']);
        expect(refused.stderr).toContain('[DA_KEYCHAIN_REFUSED] Next: unlock it');
      }
      const gone = await alice.run(['credential-process', '--profile', 'default-long-term']);
      expect(gone.stderr).toContain('[DA_KEYCHAIN_UNAVAILABLE]');
      expect(alice.credentials()).toBe(before);
    });

    it('lets two move one key at once, and has it in one place then', async () => {
      const env = { ...keyring.env, ...withPassphrase() };
      const places = ['keychain', 'file'];
      await Promise.all(places.map((place) => alice.run(['login', 'move', '--to', place], env)));
      expect(filesWithSecret()).toEqual([]);
      expect(alice.credentials().match(/^devaccess_store = /gm)).toHaveLength(1);
      await done(alice.run(['mfa', '--token', alice.nextCode()], env));
    });
  },
);

describe('the encrypted file', () => {
  it('asks for its passphrase once, then for one code, whoever needs a session', async () => {
    await done(alice.run(['login', 'move', '--to', 'file'], withPassphrase()));
    expect(filesWithSecret()).toEqual([]);
    const env = askpass({ 'assphrase of': PASSPHRASE, 'MFA code': alice.nextCode() });
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => alice.run(['credential-process'], env)),
    );
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(asked()).toEqual([`Passphrase of ${keyFile()}:`, `MFA code of ${DEVICE}:`]);
    // With a session there is nothing to ask.
    rmSync(join(alice.home, 'asked'));
    expect((await alice.run(['mfa'], env)).code).toBe(0);
    expect(asked()).toEqual([]);
  });

  it('is opened for whoever uses the key itself, where there is somebody to ask', async () => {
    alice.writeConfig(ROLES);
    await done(alice.run(['login', 'move', '--to', 'file'], withPassphrase()));
    const args = ['credential-process', '--profile', 'default-long-term'];
    const refused = await alice.run(args);
    expect([refused.code, refused.stdout]).toEqual([3, '']);
    expect(refused.stderr).toContain('[DA_PASSPHRASE_NEEDED] Next: run it in a terminal');
    // Of three that need it at once, one asks, and hands the key to the others.
    const requests = join(alice.home, '.local', 'state', 'devaccess', 'unlock');
    const untilAllWait = `while [ "$(ls '${requests}' | wc -l)" -lt 3 ]; do sleep 0.1; done`;
    const env = askpass({ 'assphrase of': PASSPHRASE }, untilAllWait);
    const { secretAccessKey } = alice.sandbox.accessKey;
    const runs = await Promise.all([1, 2, 3].map(() => done(alice.run(args, env))));
    for (const { stdout } of runs) {
      expect(JSON.parse(stdout)).toMatchObject({ SecretAccessKey: secretAccessKey });
    }
    expect(asked()).toEqual([`Passphrase of ${keyFile()}:`]);
    expect(readdirSync(requests)).toEqual([]);
    // A program that tries again and again is not let ask again and again.
    rmSync(join(alice.home, 'asked'));
    const declining = askpass({});
    for (let tries = 0; tries < 3; tries += 1) {
      expect((await alice.run(args, declining)).code).toBe(3);
    }
    expect(asked()).toHaveLength(1);
  });

  it('is left as it is when it is damaged, and the key with it', async () => {
    const env = { DEVACCESS_PASSPHRASE_COMMAND: `echo '${PASSPHRASE}'` };
    await done(alice.run(['login', 'move', '--to', 'file'], env));
    const damaged = readFileSync(keyFile(), 'utf8').slice(0, 300);
    writeFileSync(keyFile(), damaged);
    const run = await alice.run(['login', 'move', '--to', 'plain'], env);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('is damaged; it is left as it is [DA_KEY_FILE_DAMAGED]');
    expect(readFileSync(keyFile(), 'utf8')).toBe(damaged);
    expect((await alice.run(['status'])).stdout).toContain(`warning: ${keyFile()} is damaged`);
  });

  it('gets another passphrase', async () => {
    await done(alice.run(['login', 'move', '--to', 'file'], withPassphrase()));
    const next = 'another passphrase';
    const answers = { 'assphrase of': PASSPHRASE, New: next, same: next };
    const { stdout } = await done(alice.run(['login', 'passphrase'], askpass(answers)));
    expect(stdout).toBe(`${keyFile()} opens with the new passphrase; keys: 1\n`);
    const env = askpass({ 'assphrase of': next });
    expect((await alice.run(['mfa', '--token', alice.nextCode()], env)).code).toBe(0);
  });
});

describe('the seed of the MFA device', () => {
  it('makes sessions without anybody, by the clock of AWS, and never lies in plain text', async () => {
    const seed = alice.sandbox.mfaDevice.base32Seed;
    const passphrase = withPassphrase();
    await done(alice.run(['login', 'move', '--to', 'file'], passphrase));
    const env = { ...passphrase, ...askpass({ 'ecret configuration key': seed }) };
    const stored = await done(alice.run(['login', 'totp'], env));
    expect(stored.stderr).toContain('both factors lie in one place');
    expect(alice.credentials()).toContain('devaccess_totp = stored\n');
    expect(alice.credentials() + readFileSync(keyFile(), 'utf8')).not.toContain(seed);
    // This computer's clock is twenty minutes behind.
    for (let steps = 0; steps < 40; steps += 1) alice.nextCode();
    const process = await done(alice.run(['credential-process'], passphrase));
    expect(process.stdout).toContain('"SessionToken"');
    const again = await done(alice.run(['mfa', '--force'], passphrase));
    expect(again.stderr).toMatch(/^this computer's clock is 1(19|20)\d s behind that of AWS/m);
    const out = await alice.run(['login', 'move', '--to', 'plain'], passphrase);
    expect(out.stderr).toContain('[DA_TOTP_PLAIN] Next: devaccess login totp --remove');
    await done(alice.run(['login', 'totp', '--remove'], passphrase));
    expect(alice.credentials()).not.toContain('devaccess_totp');
  });
});

describe.runIf(hasTerminal)('devaccess login setup on a terminal', () => {
  const home = (): { env: Record<string, string>; folder: string } => ({
    env: alice.env(),
    folder: alice.home,
  });

  it('asks for a passphrase twice and for the key, which then works', async () => {
    mkdirSync(join(alice.home, '.aws'), { recursive: true });
    alice.writeCredentials('');
    const { accessKeyId, secretAccessKey } = alice.sandbox.accessKey;
    const { code, screen, stdout } = await onTerminal(
      ['login', 'setup', '--store', 'file', '--profile', 'work'],
      [
        { after: 'New passphrase for', text: 'short\r' },
        { after: '8 characters at least', text: `\u0015${PASSPHRASE}\r` },
        { after: 'The same again', text: 'not the same\r' },
        { after: 'They differ. New passphrase', text: `${PASSPHRASE}\r` },
        { after: 'The same again', text: `${PASSPHRASE}\r` },
        { after: 'Access key id', text: `${accessKeyId}\r` },
        { after: 'Secret access key', text: `${secretAccessKey}\r` },
        { after: 'MFA device', text: `${DEVICE}\r` },
      ],
      home(),
    );
    expect(code).toBe(0);
    expect(stdout).toBe(`Set up [work-long-term]; its key is in ${keyFile()}\n`);
    expect(screen).not.toContain(PASSPHRASE);
    expect(screen).not.toContain(secretAccessKey);
    expect(alice.credentials()).toMatch(
      /^\[work-long-term\]\ndevaccess_store = file\ndevaccess_entry = \S+\naws_mfa_device = \S+\n$/,
    );
    expect(filesWithSecret()).toEqual([]);
    const typing = [
      { after: 'Passphrase of', text: 'not it\r' },
      { after: 'This is not it. Passphrase', text: `${PASSPHRASE}\r` },
    ];
    const args = ['mfa', '--profile', 'work', '--token', alice.nextCode()];
    const session = await onTerminal(args, typing, home());
    expect(session.stdout).toMatch(/^work has a new session/);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const before = alice.credentials();
    const { code, screen } = await onTerminal(
      ['login', 'setup', '--store', 'file', '--profile', 'work'],
      [
        { after: 'New passphrase for', text: `${PASSPHRASE}\r` },
        { after: 'The same again', text: `${PASSPHRASE}\r` },
        { after: 'Access key id', text: '\u0003' },
      ],
      home(),
    );
    expect(code).toBe(1);
    expect(screen).toContain('[DA_CANCELLED]');
    expect(alice.credentials()).toBe(before);
    expect(existsSync(keyFile())).toBe(false);
  });
});
