import type { EnvironmentChange } from './credential-environment.ts';

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

interface Syntax {
  set: (name: string, value: string) => string;
  remove: (name: string) => string;
}

/** In single quotes these shells expand nothing. */
const POSIX: Syntax = {
  set: (name, value) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  remove: (name) => `unset ${name}`,
};

const SYNTAX: Readonly<Record<Shell, Syntax>> = {
  bash: POSIX,
  zsh: POSIX,
  fish: {
    set: (name, value) => `set -gx ${name} '${value.replace(/['\\]/g, '\\$&')}'`,
    remove: (name) => `set -e ${name}`,
  },
  powershell: {
    // PowerShell takes typographic quotes for single ones, too.
    set: (name, value) =>
      `$Env:${name} = '${value.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`,
    remove: (name) => `Remove-Item Env:${name} -ErrorAction Ignore`,
  },
};

/** Lines that, read by the shell, make a change of its environment. Values may hold anything but NUL. */
export function shellLines(shell: Shell, { set, remove }: EnvironmentChange): string {
  const syntax = SYNTAX[shell];
  const lines = [
    ...remove.map((name) => syntax.remove(name)),
    ...Object.entries(set).map(([name, value]) => syntax.set(name, value)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The shell of SHELL, else what the system has. */
export function usualShell(shellPath: string | undefined, platform: NodeJS.Platform): Shell {
  const name = /([a-z]+)(?:\.exe)?$/.exec(shellPath ?? '')?.[1];
  if (name === 'pwsh') return 'powershell';
  const known = SHELLS.find((shell) => shell === name);
  return known ?? (platform === 'win32' ? 'powershell' : 'bash');
}
