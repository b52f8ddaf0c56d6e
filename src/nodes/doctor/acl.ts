import { execFileSync } from 'node:child_process';

const LINE = /^(user|group):([^:]+):([rwx-]{3})(?:\s+#effective:([rwx-]{3}))?$/;

/**
 * Users and groups that a POSIX ACL lets at a path: `user:eve r--`. Node reads no extended attributes:
 * `getfacl` is asked, and where there is none `ls`, which tells that there is an ACL.
 */
export function aclGrants(path: string): string[] {
  const entries = ask('getfacl', ['--omit-header', '--absolute-names', '--', path]);
  if (entries !== undefined) return grantsIn(entries);
  return hasOpenAcl(ask('ls', ['-ld', '--', path]) ?? '') ? ['somebody (getfacl tells whom)'] : [];
}

/** @returns undefined where there is no such program, or it fails */
function ask(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      timeout: 5_000,
      maxBuffer: 1_048_576,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
}

/** Whether a line of `ls -l` has the mark of an ACL, whose mask, shown as the group's bits, lets anyone in. */
export function hasOpenAcl(line: string): boolean {
  return /^.{4}(?!---).{3}.{3}\+/.test(line);
}

/** Entries of `getfacl` for named users and groups, as far as the mask lets them in. */
export function grantsIn(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [, kind = '', name = '', written = '---', effective = written] = LINE.exec(line) ?? [];
    const isOwn = kind === 'group' && name === 'root';
    return effective === '---' || isOwn ? [] : [`${kind}:${name} ${effective}`];
  });
}
