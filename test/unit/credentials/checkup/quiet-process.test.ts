import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runQuietly } from '../../../../src/credentials/checkup/quiet-process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-process-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (command: string, timeoutMs = 30_000) =>
  runQuietly(
    command,
    { PATH: process.env['PATH'], DISPLAY: ':0', SSH_ASKPASS: '/bin/true' },
    timeoutMs,
  );

describe.skipIf(process.platform === 'win32')('a credential_process', () => {
  it.each([
    [
      '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}',
      { keys: { accessKeyId: 'A', secretAccessKey: 's' } },
    ],
    [
      '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":"2999-01-01T00:00:00Z"}',
      { keys: { accessKeyId: 'A', secretAccessKey: 's', sessionToken: 't' } },
    ],
    [
      '{"Version":"1","AccessKeyId":"A","SecretAccessKey":"s"}',
      { why: 'did not write "Version": 1' },
    ],
    ['{"Version":1,"AccessKeyId":"A"}', { why: 'wrote no AccessKeyId and SecretAccessKey' }],
    [
      '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2000-01-01T00:00:00Z"}',
      { why: 'gave keys that have expired' },
    ],
    ['[]', { why: 'did not write "Version": 1' }],
    ['null', { why: 'wrote no JSON object' }],
    ['secret=x', { why: 'wrote no JSON' }],
  ])('that writes %s', async (text, answer) => {
    expect(await run(`echo '${text}'`)).toEqual(answer);
  });

  it('finds nobody to ask', async () => {
    expect(await run('test -z "$DISPLAY$SSH_ASKPASS" || exit 9; exec </dev/tty')).toEqual({
      why: expect.stringMatching(/^ended with exit code (1|2)$/) as string,
    });
  });

  it('is ended with all it started when it takes too long', async () => {
    const late = join(folder, 'late');
    const answer = run(`(sleep 5; touch '${late}') & sleep 60`, 200);
    expect(await answer).toEqual({ why: 'gave nothing within 0.2 s' });
    expect(existsSync(late)).toBe(false);
  });

  it('is not listened to for ever', async () => {
    expect(await run('yes')).toEqual({ why: 'was ended' });
  });
});
