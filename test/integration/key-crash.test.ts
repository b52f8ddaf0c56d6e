import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import type { KeyPlace } from '../../src/credentials/stored-keys/key-places.ts';
import { settleMoves } from '../../src/credentials/stored-keys/key-transfer.ts';
import { moveKey } from '../../src/credentials/stored-keys/move-key.ts';
import { withFileLock } from '../../src/platform/file-lock.ts';
import { namesInKeyFile } from '../../src/platform/secrets/encrypted-file.ts';
import { STEPS, worldOf } from './support/mortal-move.ts';
import { eventually } from './support/person.ts';

const SECRET = 'SEKRIT/abc+def';
let programs: string;
let home: string;
beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'devaccess-mortal-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'support', 'mortal-move.ts')],
    outfile: join(programs, 'move.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['@napi-rs/keyring'],
    logLevel: 'warning',
  });
});
afterAll(() => rmSync(programs, { recursive: true }));
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-crash-'));
  mkdirSync(join(home, '.aws'), { mode: 0o700 });
  writeFileSync(
    credentials(),
    `[default-long-term]\naws_access_key_id = AKIAEXAMPLEEXAMPLE00\n` +
      `aws_secret_access_key = ${SECRET}\naws_mfa_device = arn:aws:iam::123456789012:mfa/a\n`,
    { mode: 0o600 },
  );
});
afterEach(() => rmSync(home, { recursive: true }));

const credentials = (): string => join(home, '.aws', 'credentials');
const records = (): string => join(home, '.local', 'state', 'devaccess', 'key-moves');
const start = (to: KeyPlace, end: string) =>
  spawn(process.execPath, [join(programs, 'move.mjs'), home, to, end], { stdio: 'inherit' });
const move = (to: KeyPlace) =>
  moveKey(
    { profile: 'default', longTermSuffix: undefined, forTools: undefined, to },
    worldOf(home),
  );

/** Where the section says that the key is; the key must be there, whole. */
async function place(): Promise<KeyPlace> {
  const values = sectionValues(parseIni(readFileSync(credentials(), 'utf8')), 'default-long-term');
  const kind = values?.get('devaccess_store') as 'keychain' | 'file' | undefined;
  if (kind === undefined) {
    expect(values?.get('aws_secret_access_key')).toBe(SECRET);
    return 'plain';
  }
  const secret = await worldOf(home)
    .openStore(kind)
    .read(values?.get('devaccess_entry') ?? '');
  expect(JSON.parse(secret ?? '{}')).toMatchObject({ secretAccessKey: SECRET });
  return kind;
}

/** How many copies of the key there are anywhere. */
function copies(): number {
  const plain = readFileSync(credentials(), 'utf8').includes(SECRET) ? 1 : 0;
  const folder = join(home, 'keychain');
  const inKeychain = existsSync(folder) ? readdirSync(folder).length : 0;
  return plain + inKeychain + namesInKeyFile(join(home, '.aws', 'devaccess-keys.json')).length;
}

const ON_COPY = STEPS.slice(0, 4);
const ON_REMOVAL = STEPS.slice(4);

describe.each([
  // A move to plain text writes to no store, and one from it takes nothing out of one.
  { from: 'plain', to: 'keychain', steps: ON_COPY },
  { from: 'keychain', to: 'file', steps: STEPS },
  { from: 'file', to: 'plain', steps: ON_REMOVAL },
] as const)('a move from $from to $to that is killed', ({ from, to, steps }) => {
  it.each(steps)('%s leaves the key in one place, and the next run no other copy', async (step) => {
    if (from !== 'plain') await move(from);
    expect(await once(start(to, step), 'exit')).toEqual([null, 'SIGKILL']);
    const end = step.endsWith('remove') ? to : from;
    expect(await place()).toBe(end);
    await settleMoves(worldOf(home));
    expect(await place()).toBe(end);
    expect(copies()).toBe(1);
    expect(readdirSync(records())).toEqual([]);
    await move(to);
    expect(await place()).toBe(to);
    expect(copies()).toBe(1);
  });
});

describe('a move that is killed when its copy is good', () => {
  it.each(['keychain', 'file'] as const)('to %s is finished by the next run', async (to) => {
    const child = await withFileLock(`${credentials()}.devaccess.lock`, async () => {
      // It cannot edit the file now, which is all that is left to do.
      const waiting = start(to, 'never');
      await eventually('its copy is good', () => {
        if (!existsSync(records())) return false;
        return readdirSync(records()).some(
          (name) =>
            name.endsWith('.json') &&
            readFileSync(join(records(), name), 'utf8').includes('"isVerified":true'),
        );
      });
      waiting.kill('SIGKILL');
      await once(waiting, 'exit');
      return waiting;
    });
    expect(child.signalCode).toBe('SIGKILL');
    expect(await place()).toBe('plain');
    expect(await settleMoves(worldOf(home))).toEqual([expect.stringContaining('was finished')]);
    expect(await place()).toBe(to);
    expect(copies()).toBe(1);
  });
});
