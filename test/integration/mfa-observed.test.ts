import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStsDouble } from './sts-double.ts';
import type { StsDouble } from './sts-double.ts';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import { devaccess } from './cli.ts';
import { hasTerminal, onTerminal } from './support/terminal.ts';

interface Observed {
  case: string;
  args: string[];
  env: Record<string, string>;
  stdin: string;
  credentials_before: string | null;
  credentials_after: string | null;
  exit: number;
}

const observed = JSON.parse(
  readFileSync(new URL('../vectors/aws-mfa/observed.json', import.meta.url), 'utf8'),
) as Observed[];

/** Where 1.11 of the credentials facts asks for better than was recorded. */
const better: ReadonlySet<string> = new Set([
  'malformed expiration',
  'AWS_PROFILE nonexistent',
  'no region configured (boto3 1.43)',
]);

/** A time that aws-mfa could not read lies ahead, so that session is kept too. */
const kept: ReadonlySet<string> = new Set([
  'keep valid',
  'same role stored',
  'malformed expiration',
]);

const PROMPTED = 'prompt for code';

let home: string;
let sts: StsDouble;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-observed-'));
  sts = await startStsDouble();
});
afterEach(() => {
  sts.close();
  rmSync(home, { recursive: true, force: true });
});

function atTime(offsetMs: number): string {
  return new Date(Date.now() + offsetMs).toISOString().slice(0, 19).replace('T', ' ');
}

const credentialsFile = (): string => join(home, '.aws', 'credentials');
const environment = (vector: Observed): Record<string, string> => ({
  HOME: home,
  LOGNAME: 'alice',
  AWS_ENDPOINT_URL: sts.url,
  ...vector.env,
});

/** Writes the file as it was before; the recorded moments in it are made relative to now. */
function prepare(vector: Observed): string | null {
  if (vector.credentials_before === null) return null;
  const before = vector.credentials_before
    .replaceAll('<NOW+5h>', atTime(5 * 3_600_000))
    .replaceAll('<NOW-1s>', atTime(-1000))
    .replaceAll('2030-01-01T', '2130-01-01T');
  mkdirSync(join(home, '.aws'));
  writeFileSync(credentialsFile(), before, { mode: 0o600 });
  return before;
}

const isSuccess = (vector: Observed): boolean => vector.exit === 0 || better.has(vector.case);

/** Decision, exit code and file are as recorded, but that nothing is lost from the file. */
function expectAsObserved(vector: Observed, code: number | null, before: string | null): void {
  expect(code === 0).toBe(isSuccess(vector));
  const wanted = isSuccess(vector) && !kept.has(vector.case) ? 1 : 0;
  expect(sts.calls).toHaveLength(wanted);
  if (before === null) {
    expect(existsSync(credentialsFile())).toBe(false);
    return;
  }
  const after = readFileSync(credentialsFile(), 'utf8');
  if (wanted === 0) {
    expect(after).toBe(before);
    return;
  }
  const is = parseIni(after);
  const short = is.sections.find(({ name }) => /^(default|dev|org-dev)$/.test(name))?.name ?? '';
  const written = sectionValues(is, short);
  const roleAt = vector.args.indexOf('--assume-role');
  const role = roleAt < 0 ? undefined : vector.args[roleAt + 1];
  expect(Object.fromEntries(written ?? [])).toMatchObject({
    assumed_role: role === undefined ? 'False' : 'True',
    ...(role === undefined ? {} : { assumed_role_arn: role }),
    aws_access_key_id: sts.session.accessKeyId,
    aws_secret_access_key: sts.session.secretAccessKey,
    aws_session_token: sts.session.sessionToken,
    aws_security_token: sts.session.sessionToken,
    expiration: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/) as string,
  });
  // Where aws-mfa failed, it has recorded no session.
  const recorded = parseIni(vector.exit === 0 ? (vector.credentials_after ?? '') : before);
  const recordedSession = sectionValues(recorded, short);
  if (recordedSession !== undefined) {
    const keys = [...recordedSession.keys(), 'devaccess_source'];
    expect([...(written?.keys() ?? [])].sort()).toEqual(keys.sort());
  }
  // The values aws-mfa leaves in other sections, with every comment it would have dropped.
  for (const { name } of recorded.sections.filter((section) => section.name !== short)) {
    expect(sectionValues(is, name)).toEqual(sectionValues(recorded, name));
  }
  const comments = parseIni(before).lines.filter((text) => /^\s*[#;]/.test(text));
  for (const line of comments) expect(after).toContain(line);
  expect(sts.calls[0]).toMatchObject({
    ...(role === undefined
      ? { Action: 'GetSessionToken', DurationSeconds: '43200' }
      : { Action: 'AssumeRole', DurationSeconds: '3600', RoleArn: role, RoleSessionName: 'alice' }),
    TokenCode: '123456',
    SerialNumber: `arn:aws:iam::123456789012:mfa/${vector.case === 'device env beats file' ? 'env' : 'alice'}`,
  });
}

describe('what aws-mfa was seen to do', () => {
  it('is replayed case by case', () => {
    expect(observed).toHaveLength(24);
  });

  it.each(observed)('$case', async (vector) => {
    const before = prepare(vector);
    // aws-mfa asks on stdin; devaccess reads a code there when told to.
    const args = vector.case === PROMPTED ? ['--token', '-'] : vector.args;
    const run = { env: environment(vector), input: vector.stdin };
    const { code } = await devaccess(['mfa', ...args], run);
    expectAsObserved(vector, code, before);
  });

  it.runIf(hasTerminal)(`${PROMPTED}, on a terminal`, async () => {
    const vector = observed.find((candidate) => candidate.case === PROMPTED)!;
    const before = prepare(vector);
    const typing = [{ after: 'mfa/alice:', text: `${vector.stdin.trim()}\r` }];
    const { code } = await onTerminal(['mfa'], typing, { env: environment(vector), folder: home });
    expectAsObserved(vector, code, before);
  });
});
