import { describe, expect, it } from 'vitest';
import { spellOut } from '../../../src/cli/argparse.ts';
import { AWS_MFA_FLAGS } from '../../../src/commands/mfa-flags.ts';

const read = (line: string): string => spellOut(line.split(' '), AWS_MFA_FLAGS).join(' ');

describe('a command line for argparse', () => {
  it.each([
    ['--prof dev', '--profile dev'],
    ['--prof=dev', '--profile=dev'],
    ['--long-s none --short dev', '--long-term-suffix none --short-term-suffix dev'],
    ['--mfa-token 1 --token 2', '--token 2'],
    ['--profile a --profile b --force', '--profile b --force'],
    ['--assum ARN', '--assume-role ARN'],
    ['--f --f', '--force'],
    // Ambiguous, unknown, ours: for the parser behind.
    ['--d 900', '--d 900'],
    ['--nope x', '--nope x'],
    ['--region eu-west-1 --r me', '--role-session-name me --region eu-west-1'],
    ['--json -h', '--json -h'],
    ['--token --force', '--token --force'],
    ['--force -- --prof x', '--force -- --prof x'],
  ])('%s is %s', (line, spelledOut) => {
    expect(read(line)).toBe(spelledOut);
  });
});
