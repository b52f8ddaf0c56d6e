import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { devaccess } from './cli.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';

let home: string;
let env: Record<string, string>;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-picker-'));
  const folder = join(home, '.ssh', 'config.d');
  mkdirSync(folder, { recursive: true });
  const entry = (alias: string, digit: number, profile: string): string =>
    `Host ${alias} i-0123456789abcdef${digit}\n    HostName i-0123456789abcdef${digit}\n` +
    `    ProxyCommand node proxy --target %h --port %p --profile ${profile} --region us-east-1\n`;
  const file = (profile: string, entries: string[]): void =>
    writeFileSync(
      join(folder, `devaccess-${profile}-us-east-1.conf`),
      `# devaccess-hosts 1\n\n${entries.join('\n')}`,
    );
  file('dev', [entry('bastion', 1, 'dev'), entry('web-one', 2, 'dev'), entry('web-two', 3, 'dev')]);
  file('prod', [entry('bastion', 4, 'prod')]);
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'ssh'), '#!/bin/sh\nprintf "<%s>" "$@"\nexit 7\n');
  chmodSync(join(bin, 'ssh'), 0o755);
  env = { HOME: home, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

it('runs ssh to the one server that has the letters, with what stands behind --', async () => {
  const { code, stdout } = await devaccess(['ssh', 'wtwo', '--', '-v', 'echo a  b'], { env });
  expect(stdout).toBe(`<-F><${join(home, '.ssh', 'config')}><web-two><-v><echo a  b>`);
  expect(code).toBe(7);
});

it('prints the name alone, and the id where the name is in two files', async () => {
  const print = async (...letters: string[]): Promise<string> =>
    (await devaccess(['ssh', '--print', ...letters], { env })).stdout;
  expect(await print('web-one')).toBe('web-one\n');
  expect(await print('web', 'one')).toBe('web-one\n');
  expect(await print('bastion', 'prod')).toBe('i-0123456789abcdef4\n');
});

it('asks nobody where there is no terminal, and knows what it does not find', async () => {
  const many = await devaccess(['ssh', 'web'], { env });
  expect(many).toMatchObject({ code: 3, stdout: '' });
  expect(many.stderr).toContain('DA_NO_TERMINAL');
  const none = await devaccess(['ssh', 'nosuch'], { env });
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('DA_HOST_UNKNOWN');
});

it.runIf(hasTerminal)('lets a person choose by letters', async () => {
  const typing = [
    { after: 'web-two', text: 'one' },
    { after: /one[\s\S]*web-one/, text: '\r' },
  ];
  const { code, stdout, screen } = await onTerminal(['ssh', '--print'], typing, {
    env,
    folder: home,
  });
  expect(stdout).toBe('web-one\n');
  expect(code).toBe(0);
  expect(screen).toContain('i-0123456789abcdef2 (dev, us-east-1)');
});
