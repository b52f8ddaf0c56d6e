import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellLines, usualShell } from '../../src/credentials/shell-syntax.ts';
import type { Shell } from '../../src/credentials/shell-syntax.ts';

const isInstalled = (program: string): boolean =>
  spawnSync(program, ['-c', 'exit 0'], { stdio: 'ignore' }).status === 0;

/** How each shell reads the lines, and then shows every variable. */
const READ: readonly [Shell, string, string[]][] = [
  ['bash', 'bash', ['--norc', '-c', 'eval "$LINES_TO_READ"; env -0']],
  ['bash', 'sh', ['-c', 'eval "$LINES_TO_READ"; env -0']],
  ['zsh', 'zsh', ['-f', '-c', 'eval "$LINES_TO_READ"; env -0']],
  ['fish', 'fish', ['--no-config', '-c', 'echo -n "$LINES_TO_READ" | source; env -0']],
  [
    'powershell',
    'pwsh',
    ['-NoProfile', '-c', '$Env:LINES_TO_READ | Invoke-Expression; /usr/bin/env -0'],
  ],
];

const MARKS = [
  `'`,
  `"`,
  '\\',
  '$',
  '`',
  '\n',
  ' ',
  '!',
  '%',
  '&',
  ';',
  '#',
  '(',
  '*',
  '~',
  '’',
  'é',
];
/** Any text a variable can hold, with much of what shells take for their own. */
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...MARKS, 'a', 'HOME', '{'), maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
);

describe.each(READ)('lines for %s, read by %s', (shell, program, args) => {
  it.runIf(isInstalled(program))('set and remove exactly what they say', () => {
    const dictionary = fc.array(value, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(dictionary, (values) => {
        const set = Object.fromEntries(values.map((text, index) => [`DA_TEST_${index}`, text]));
        const lines = shellLines(shell, { set, remove: ['DA_GONE', 'DA_NEVER'] });
        const { stdout, stderr } = spawnSync(program, args, {
          env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', LINES_TO_READ: lines, DA_GONE: 'x' },
          encoding: 'utf8',
        });
        const shown = new Map(
          stdout.split('\0').map((entry): [string, string] => {
            const at = entry.indexOf('=');
            return [entry.slice(0, at), entry.slice(at + 1)];
          }),
        );
        expect(stderr).toBe('');
        for (const [name, text] of Object.entries(set)) expect(shown.get(name)).toBe(text);
        expect(shown.has('DA_GONE')).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the usual shell', () => {
  it.each([
    ['/bin/bash', 'linux', 'bash'],
    ['/usr/bin/fish', 'linux', 'fish'],
    ['/opt/homebrew/bin/zsh', 'darwin', 'zsh'],
    ['/usr/bin/pwsh', 'linux', 'powershell'],
    ['/bin/dash', 'linux', 'bash'],
    [undefined, 'linux', 'bash'],
    [undefined, 'win32', 'powershell'],
  ] as const)('%s on %s is %s', (path, platform, shell) => {
    expect(usualShell(path, platform)).toBe(shell);
  });
});
