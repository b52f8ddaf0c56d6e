import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { authorizeScript } from '../../../../src/session/login-key/authorize-script.ts';

const LINE = `ssh-ed25519 ${'A'.repeat(68)}`;
let folder: string;
let home: string;
let keys: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-authorize-'));
  home = join(folder, 'home');
  mkdirSync(join(folder, 'bin'));
  mkdirSync(home);
  keys = join(home, '.ssh', 'authorized_keys');
  program('id', '[ "$2" = web ]');
  program('su', `HOME=${home} exec "$2" -c "$5"`);
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, text: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, 'bin', name), 0o755);
}

const script = (line: string, seconds: number, user = 'web'): string =>
  authorizeScript(line, user, seconds).commands.join('\n');
const env = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
});
const run = (line: string, seconds: number, user?: string): number | null =>
  spawnSync('sh', ['-c', script(line, seconds, user)], { env: env() }).status;
const read = (): string => readFileSync(keys, 'utf8');

function given(text: string): void {
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  writeFileSync(keys, text, { mode: 0o640 });
}

it('adds a line and takes it out again, and leaves the others as they are', async () => {
  const others =
    '# mine\n\nssh-rsa AAAA me\\n@x   \ncommand="echo \'x\'" ssh-rsa BBBB devaccess-until-x\n';
  given(others);
  expect(run(LINE, 1)).toBe(0);
  expect(read()).toMatch(new RegExp(`^${LINE} devaccess-until-\\d+\\n$`, 'm'));
  expect(read().startsWith(others)).toBe(true);
  await vi.waitUntil(() => read() === others, { timeout: 20_000 });
  expect(statSync(keys).mode & 0o777).toBe(0o640);
  await vi.waitUntil(() => readdirSync(join(home, '.ssh')).length === 1, { timeout: 20_000 });
});

it('leaves nothing where there was nothing', async () => {
  expect(run(LINE, 1)).toBe(0);
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, '.ssh')).mode & 0o777).toBe(0o700);
  await vi.waitUntil(() => readdirSync(join(home, '.ssh')).length === 0, { timeout: 20_000 });
});

it('follows a link to the file, and clears away what a reboot left', async () => {
  given('');
  rmSync(keys);
  writeFileSync(join(home, 'real'), `ssh-rsa CCCC devaccess-until-12\nssh-rsa DDDD me`);
  symlinkSync(join(home, 'real'), keys);
  expect(run(LINE, 5)).toBe(0);
  expect(read()).toMatch(/^ssh-rsa DDDD me\nssh-ed25519 A+ devaccess-until-\d+\n$/);
  // Its last line had no end, and has none again.
  await vi.waitUntil(() => read() === 'ssh-rsa DDDD me', { timeout: 20_000 });
});

it('loses none of many that come at once', async () => {
  given('ssh-rsa DDDD me\n');
  const lines = Array.from({ length: 6 }, (_, at) => `ssh-ed25519 ${String(at).repeat(68)}`);
  const codes = lines.map(
    (line) =>
      new Promise((resolve) => {
        spawn('sh', ['-c', script(line, 2)], { env: env(), stdio: 'ignore' }).on('exit', resolve);
      }),
  );
  expect(await Promise.all(codes)).toEqual(lines.map(() => 0));
  await vi.waitUntil(() => read() === 'ssh-rsa DDDD me\n', { timeout: 20_000 });
});

it('does nothing for nobody, and for a folder of somebody else', () => {
  expect(run(LINE, 1, 'nobody')).toBe(20);
  rmSync(home, { recursive: true });
  expect(run(LINE, 1)).toBe(21);
  writeFileSync(home, '');
  expect(run(LINE, 1)).toBe(21);
});

it.each([
  ['web; reboot', LINE],
  ['-x', LINE],
  ['web', `${LINE}\nssh-rsa x`],
  ['web', 'ssh-ed25519 $(reboot)'],
  ['web', `${LINE}'`],
])('is not made for %j and %j', (user, line) => {
  expect(() => authorizeScript(line, user, 1)).toThrow('no user and key');
});
