import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIni, sectionValues } from '../../../../src/aws/files/ini-document.ts';
import type { KeyPlace } from '../../../../src/credentials/stored-keys/key-places.ts';
import { settleMoves } from '../../../../src/credentials/stored-keys/key-transfer.ts';
import { moveKey } from '../../../../src/credentials/stored-keys/move-key.ts';
import type { MoveResult } from '../../../../src/credentials/stored-keys/move-key.ts';
import { DevaccessError } from '../../../../src/platform/errors.ts';
import { MemoryStore } from './memory-store.ts';

const SECRET = 'SEKRIT/abc+def';
const KEY = `aws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = ${SECRET}\n`;
const PLAIN = `# kept\n[default-long-term]\n${KEY}aws_mfa_device = arn:aws:iam::123456789012:mfa/a\n`;

let home: string;
let env: Record<string, string>;
let stores: Record<'keychain' | 'file', MemoryStore>;
let said: string[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-move-'));
  env = { HOME: home };
  mkdirSync(join(home, '.aws'), { mode: 0o700 });
  write(PLAIN);
  stores = { keychain: new MemoryStore(), file: new MemoryStore() };
  said = [];
});
afterEach(() => rmSync(home, { recursive: true }));

const file = (): string => join(home, '.aws', 'credentials');
const text = (): string => readFileSync(file(), 'utf8');
const write = (content: string): void => writeFileSync(file(), content, { mode: 0o600 });
const world = () => ({
  env,
  askSecret: () => Promise.reject(new Error('nobody is to be asked')),
  openStore: (kind: 'keychain' | 'file') => stores[kind],
  say: (line: string) => void said.push(line),
});
const move = (to: KeyPlace, profile = 'default', suffix?: string): Promise<MoveResult> =>
  moveKey({ profile, longTermSuffix: suffix, to, forTools: undefined }, world());
const settle = () => settleMoves(world());

/** Every place that has the secret now. */
function copies(): string[] {
  const places = text().includes(SECRET) ? ['plain'] : [];
  for (const [kind, { secrets }] of Object.entries(stores)) {
    for (const secret of secrets.values()) if (secret.includes(SECRET)) places.push(kind);
  }
  return places;
}

/** Where the section says that its key is; throws when it is not there. */
function place(section = 'default-long-term'): KeyPlace {
  const values = sectionValues(parseIni(text()), section);
  const store = values?.get('devaccess_store');
  if (store === undefined) {
    expect(values?.get('aws_secret_access_key')).toBe(SECRET);
    return 'plain';
  }
  expect(values?.has('aws_access_key_id')).toBe(false);
  const kind = store as 'keychain' | 'file';
  expect(stores[kind].secrets.get(values?.get('devaccess_entry') ?? '')).toContain(SECRET);
  return kind;
}

const records = (): string[] => readdirSync(join(home, '.local/state/devaccess/key-moves'));
const code = (expected: string): Error => expect.objectContaining({ code: expected }) as Error;
const fail = (): never => {
  throw new DevaccessError('DA_KEYCHAIN_REFUSED', 'locked');
};

describe('moving a long-term key', () => {
  it('goes from each place to each other, and leaves no copy behind', async () => {
    const way: KeyPlace[] = ['keychain', 'file', 'keychain', 'plain', 'file', 'plain'];
    for (const to of way) {
      const from = place();
      expect(await move(to)).toEqual({
        profile: 'default',
        section: 'default-long-term',
        action: 'moved',
        from,
        to,
        accessKeyIdSuffix: 'LE00',
        plainCopies: [],
        leftOver: null,
      });
      expect(place()).toBe(to);
      expect(copies()).toEqual([to]);
      expect(records()).toEqual([]);
    }
    // Comments and other settings are where they were.
    expect(text()).toMatch(/^# kept\n\[default-long-term\]\naws_mfa_device = /);
  });

  it('has nothing to do where the key is already', async () => {
    await move('keychain');
    const before = text();
    expect((await move('keychain')).action).toBe('unchanged');
    expect(text()).toBe(before);
    expect(copies()).toEqual(['keychain']);
  });

  it('leaves a section that every AWS tool can read, with no key in it', async () => {
    await move('keychain');
    expect(parseIni(text()).problems).toEqual([]);
    expect(text()).toMatch(
      /^devaccess_entry = default-long-term\/AKIAEXAMPLEEXAMPLE00\/[0-9a-f]{16}$/m,
    );
  });

  it.each([
    ['its suffix', '[work-keys]\n', 'work', 'keys'],
    ['none', '[work]\n', 'work', 'none'],
    ['the profile itself', '[work]\n', 'work', undefined],
    ['a name with a slash', '[a/b-long-term]\n', 'a/b', undefined],
  ])('finds the section by %s', async (_what, header, profile, suffix) => {
    write(`${header}${KEY}`);
    await move('file', profile, suffix);
    expect(place(header.slice(1, -2))).toBe('file');
  });

  it.each([
    ['no such section', '[x]\n', 'DA_NO_LONG_TERM_KEY'],
    ['a session', `[default]\n${KEY}aws_session_token = t\n`, 'DA_NO_LONG_TERM_KEY'],
    ['half a key', '[default-long-term]\naws_access_key_id = A\n', 'DA_NO_LONG_TERM_KEY'],
    ['a broken file', `${PLAIN}[default-long-term]\n`, 'DA_AWS_FILE_INVALID'],
    [
      'a store of a newer version',
      '[default-long-term]\ndevaccess_store = yubikey\n',
      'DA_KEY_POINTER',
    ],
    [
      'two keys',
      `${PLAIN}devaccess_store = file\ndevaccess_entry = x/AKIAEXAMPLEEXAMPLE01/0123456789abcdef\n`,
      'DA_TWO_KEYS',
    ],
  ])('refuses %s, and changes nothing', async (_what, content, expected) => {
    write(content);
    await expect(move('keychain')).rejects.toThrow(code(expected));
    expect(text()).toBe(content);
    expect(stores.keychain.secrets.size).toBe(0);
  });

  it.each(['prepare', 'write', 'read'] as const)(
    'changes nothing where the store fails to %s',
    async (step) => {
      stores.keychain.faults[step] = fail;
      await expect(move('keychain')).rejects.toThrow(code('DA_KEYCHAIN_REFUSED'));
      expect(text()).toBe(PLAIN);
      stores.keychain.faults = {};
      await settle();
      expect(copies()).toEqual(['plain']);
      expect(said).toEqual([]);
    },
  );

  it.each([
    ['another secret', (secret: string) => secret.replace('SEKRIT', 'OTHER')],
    ['nothing', () => undefined],
  ])('does not trust a store that gives back %s', async (_what, twist) => {
    stores.keychain.twist = twist;
    await expect(move('keychain')).rejects.toThrow(code('DA_KEY_NOT_KEPT'));
    expect(text()).toBe(PLAIN);
    expect(copies()).toEqual(['plain']);
  });

  it('takes the copy back where the credentials file cannot be written', async () => {
    stores.keychain.faults.read = () => {
      // Between the copy and the edit.
      write(`${PLAIN}[x]\na=1\na=2\n`);
      delete stores.keychain.faults.read;
    };
    await expect(move('keychain')).rejects.toThrow(code('DA_AWS_FILE_INVALID'));
    expect(copies()).toEqual(['plain']);
    expect(records()).toEqual([]);
  });

  it('does not lose a key that somebody else writes meanwhile', async () => {
    const rotated = PLAIN.replace('LE00', 'LE99').replace(SECRET, 'rotated');
    stores.keychain.faults.read = () => {
      write(rotated);
      delete stores.keychain.faults.read;
    };
    await expect(move('keychain')).rejects.toThrow(code('DA_FILE_BUSY'));
    expect(text()).toBe(rotated);
    expect(stores.keychain.secrets.size).toBe(0);
  });

  it('keeps the old copy when another program puts the old section back', async () => {
    await move('keychain');
    const old = text();
    stores.keychain.faults.remove = () => {
      delete stores.keychain.faults.remove;
      fail();
    };
    // The edit is done, and then undone by a program that had read the file before.
    expect((await move('file')).leftOver).toBe('locked');
    write(old);
    expect(place()).toBe('keychain');
    expect(copies().sort()).toEqual(['file', 'keychain']);
    // The next run does what was wanted.
    await settle();
    expect(place()).toBe('file');
    expect(copies()).toEqual(['file']);
  });

  it('tells what could not be taken out of the old place, and tries again', async () => {
    await move('keychain');
    stores.keychain.faults.remove = fail;
    expect(await move('plain')).toMatchObject({ action: 'moved', leftOver: 'locked' });
    expect(place()).toBe('plain');
    await expect(settle()).rejects.toThrow(code('DA_KEYCHAIN_REFUSED'));
    delete stores.keychain.faults.remove;
    expect(await settle()).toEqual([expect.stringContaining('was finished')]);
    expect(copies()).toEqual(['plain']);
    expect(records()).toEqual([]);
  });

  it('keeps a copy that another section says is its own', async () => {
    await move('keychain');
    write(`${text()}\n${text().replace('default-long-term]', 'copy-long-term]')}`);
    await move('plain');
    expect(place('copy-long-term')).toBe('keychain');
  });

  it('is safe from others that move the same key', async () => {
    const ways: KeyPlace[] = ['keychain', 'file', 'keychain', 'file'];
    const ends = await Promise.allSettled(ways.map((to) => move(to)));
    expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'DA_FILE_BUSY' });
    }
    expect(copies()).toEqual([place()]);
  });

  it('says where the secret is in plain text still', async () => {
    write(`${PLAIN}[again]\n${KEY}`);
    writeFileSync(join(home, '.aws', 'credentials.bak'), `\n${PLAIN}`);
    writeFileSync(join(home, '.aws', 'config'), `[default]\n# ${SECRET}\n`);
    const { plainCopies } = await move('keychain');
    expect(plainCopies).toEqual([
      `${file()} line 8`,
      `${join(home, '.aws', 'config')} line 2`,
      `${join(home, '.aws', 'credentials.bak')} line 5`,
    ]);
  });

  it('leaves a credential_process of the person, and takes one of ours away', async () => {
    const program = { node: '/usr/bin/node', script: '/opt/devaccess.js' };
    const request = { profile: 'default', longTermSuffix: undefined, forTools: program };
    await moveKey({ ...request, to: 'keychain' }, world());
    expect(text()).toContain(
      'credential_process = "/usr/bin/node" "/opt/devaccess.js" credential-process --profile default-long-term\n',
    );
    await move('file');
    expect(text()).toContain('credential_process');
    await move('plain');
    expect(text()).not.toContain('credential_process');
    write(`${PLAIN}credential_process = /my/own\n`);
    await move('file');
    await move('plain');
    expect(text()).toContain('credential_process = /my/own\n');
  });
});
