import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devaccess } from './cli.ts';

let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-completion-'));
  mkdirSync(join(home, '.ssh', 'config.d'), { recursive: true });
  mkdirSync(join(home, '.aws'));
  mkdirSync(join(home, '.config', 'devaccess'), { recursive: true });
  const entries = [
    'bastion i-0123456789abcdef0',
    'web-1 i-0123456789abcdef1',
    'web-2 mi-0123456789abcdef2',
  ];
  writeFileSync(
    join(home, '.ssh', 'config.d', 'devaccess-default-us-east-1.conf'),
    `# Generated\n# devaccess-hosts 1\n\n${entries.map((names) => `Host ${names}\n    HostName x\n`).join('\n')}`,
  );
  writeFileSync(join(home, '.ssh', 'config.d', 'devaccess-foreign.conf'), 'Host foreign\n');
  writeFileSync(
    join(home, '.ssh', 'config'),
    'Host mine\n# >>> devaccess-a@b.conf >>> x\n# devaccess-hosts 1\n\nHost inside i-0123456789abcdef3\n' +
      '\nHost *\n# <<< devaccess-a@b.conf <<<\nHost below\n',
  );
  writeFileSync(
    join(home, '.aws', 'config'),
    '[default]\n[profile staging]\n[profile $(touch pwned)]\n[sso-session corp]\n[profile "prod"]\n',
  );
  writeFileSync(join(home, '.aws', 'credentials'), '[staging]\n[default-long-term] # key\n');
  writeFileSync(
    join(home, '.config', 'devaccess', 'config.toml'),
    '[tunnels.db]\nhost = "web-1"\nports = [1]\n[tunnels."a.b"]\nhost = "x"\nports = [1]\n' +
      '[fleets.prod]\n[fleets.prod.tags]\na = "b"\n[[fleets.prod.users]]\nuser = "u"\n' +
      '[fleets."x.y"]\n[hosts.nas]\ninstance = "i-0123456789abcdef0"\n',
  );
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await devaccess(['completion', shell], { env: { HOME: home } });
    expect(code).toBe(0);
    writeFileSync(join(home, `completion.${shell}`), stdout);
  }
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function inShell(shell: string, args: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, args, {
    env: { PATH: process.env['PATH'], HOME: home, TERM: 'dumb' },
    cwd: home,
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (stderr !== '') throw new Error(`${shell}: ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

const hasShell = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What each shell offers for a line that ends at the cursor. */
const COMPLETE: Record<string, (line: string) => string[]> = {
  bash: (line) =>
    inShell('bash', [
      '--norc',
      '-c',
      'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _devaccess; printf "%s\\n" "${COMPREPLY[@]}"',
      'bash',
      ...line.split(' '),
    ]),
  fish: (line) =>
    inShell('fish', ['--no-config', '-c', `source completion.fish; complete -C '${line}'`]).map(
      (offer) => offer.split('\t')[0]!,
    ),
};

describe.each(Object.keys(COMPLETE).filter(hasShell))('completion in %s', (shell) => {
  const complete = (line: string): string[] => COMPLETE[shell]!(line);

  it('offers commands and topics', () => {
    expect(complete('devaccess s')).toEqual(
      expect.arrayContaining(['sandbox', 'sessions', 'shell', 'status']),
    );
    expect(complete('devaccess hosts s')).toEqual(['sync']);
  });

  it('offers flags, and what may follow them', () => {
    expect(complete('devaccess forward bastion --se')).toContain('--sessions');
    expect(complete('devaccess hosts sync --route ')).toEqual([
      'auto',
      'direct',
      'jump',
      'remote-host',
    ]);
  });

  it('offers synced hosts, and their ids once one is begun', () => {
    expect(complete('devaccess shell ')).toEqual(['bastion', 'inside', 'web-1', 'web-2']);
    expect(complete('devaccess shell we')).toEqual(['web-1', 'web-2']);
    expect(complete('devaccess shell mi-')).toEqual(['mi-0123456789abcdef2']);
  });

  it('offers profiles of both files, and runs nothing that is in a name', () => {
    expect(complete('devaccess mfa --profile ')).toEqual([
      'default',
      'default-long-term',
      'prod',
      'staging',
    ]);
    expect(existsSync(join(home, 'pwned'))).toBe(false);
  });

  it('offers tunnels', () => {
    expect(complete('devaccess tunnels up ')).toEqual(['a.b', 'db']);
  });

  it('offers fleets, and the fixed hosts where only those can be meant', () => {
    expect(complete('devaccess hosts sync --fleet ')).toEqual(['prod', 'x.y']);
    expect(complete('devaccess hosts remove ')).toEqual(['nas']);
    expect(complete('devaccess hosts add x --via we')).toEqual(['web-1', 'web-2']);
  });

  it('offers hosts with a colon where one side of a copy is meant', () => {
    expect(complete('devaccess cp web-1')).toContain('web-1:');
  });
});

it.runIf(hasShell('zsh'))('is a function that zsh finds for the command', () => {
  const load =
    'autoload -Uz compinit; compinit -u -D; source ./completion.zsh; print $_comps[devaccess]';
  expect(inShell('zsh', ['-f', '-c', load])).toEqual(['_devaccess']);
});

it('says which shells there are', async () => {
  const { code, stderr } = await devaccess(['completion', 'csh'], { env: { HOME: home } });
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
