import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processProfile } from '../../../src/credentials/process-profile.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-process-'));
  mkdirSync(join(home, '.aws'));
  writeFileSync(join(home, '.aws', 'config'), '[profile p]\nregion = eu-west-1\n');
});
afterEach(() => rmSync(home, { recursive: true }));

const profile = (node: string): string =>
  processProfile(
    { profile: 'p', name: 'p-process', program: { node, script: '/opt/dev access/devaccess.js' } },
    { HOME: home },
  );

describe('a profile with a credential_process', () => {
  it('is read alike by a shell and by what splits the line itself', () => {
    const node = "/opt/it's (here); & there/node";
    const line = /^credential_process = (.*)$/m.exec(profile(node))?.[1] ?? '';
    expect(line).toBe(`"${node}" "/opt/dev access/devaccess.js" credential-process --profile p`);
    const words = [node, '/opt/dev access/devaccess.js', 'credential-process', '--profile', 'p'];
    const byShell = execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' });
    expect(byShell.trim().split('\n')).toEqual(words);
  });

  it.each(['/a"b', '/a\\b', '/a$b', '/a`b', '/a%b', '/a!b', '/a\nb', '/a #b', '/a ;b'])(
    'is not made for a path like %j',
    (node) => {
      expect(() => profile(node)).toThrow(
        expect.objectContaining({ code: 'DA_UNQUOTABLE_PATH' }) as Error,
      );
    },
  );
});
