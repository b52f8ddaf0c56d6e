import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStsDouble } from './sts-double.ts';
import type { StsDouble } from './sts-double.ts';
import { parseIni, sectionValues } from '../../src/credentials/ini-document.ts';
import { devaccess } from './cli.ts';

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

/** About roles, or about prompting on stdin, which devaccess does on the terminal alone. */
const elsewhere = (vector: Observed): boolean =>
  vector.args.includes('--assume-role') || vector.stdin !== '' || vector.case === 'prompt for code';

/** Where 1.11 of the credentials facts asks for better than was recorded. */
const better: ReadonlySet<string> = new Set([
  'malformed expiration',
  'AWS_PROFILE nonexistent',
  'no region configured (boto3 1.43)',
]);

/** A time that aws-mfa could not read lies ahead, so that session is kept too. */
const kept: ReadonlySet<string> = new Set(['keep valid', 'malformed expiration']);

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

async function replay(
  vector: Observed,
): Promise<{ code: number | null; before: string; after: string }> {
  const before = (vector.credentials_before ?? '')
    .replaceAll('<NOW+5h>', atTime(5 * 3_600_000))
    .replaceAll('<NOW-1s>', atTime(-1000))
    .replaceAll('2030-01-01T', '2130-01-01T');
  const path = join(home, '.aws', 'credentials');
  mkdirSync(join(home, '.aws'));
  writeFileSync(path, before, { mode: 0o600 });
  const env = { HOME: home, AWS_ENDPOINT_URL: sts.url, ...vector.env };
  const { code } = await devaccess(['mfa', ...vector.args], { env });
  return { code, before, after: readFileSync(path, 'utf8') };
}

const isSuccess = (vector: Observed): boolean => vector.exit === 0 || better.has(vector.case);

describe('what aws-mfa was seen to do', () => {
  const cases = observed.filter((vector) => !elsewhere(vector));

  it('covers most of what was recorded', () => {
    expect(cases.length).toBeGreaterThanOrEqual(15);
  });

  it.each(cases)('$case', async (vector) => {
    const { code, before, after } = await replay(vector);
    expect(code === 0).toBe(isSuccess(vector));
    const was = parseIni(before);
    const is = parseIni(after);
    const short = is.sections.find(({ name }) => /^(default|dev|org-dev)$/.test(name))?.name ?? '';
    const wanted = isSuccess(vector) && !kept.has(vector.case) ? 1 : 0;
    expect(sts.calls).toHaveLength(wanted);
    if (wanted === 0) {
      expect(after).toBe(before);
      return;
    }
    const written = sectionValues(is, short);
    expect(Object.fromEntries(written ?? [])).toMatchObject({
      assumed_role: 'False',
      aws_access_key_id: sts.session.accessKeyId,
      aws_secret_access_key: sts.session.secretAccessKey,
      aws_session_token: sts.session.sessionToken,
      aws_security_token: sts.session.sessionToken,
    });
    expect(written?.has('assumed_role_arn')).toBe(false);
    // The values aws-mfa leaves in other sections, with every comment it would have dropped.
    const recorded = parseIni(vector.credentials_after ?? before);
    for (const { name } of recorded.sections.filter((section) => section.name !== short)) {
      expect(sectionValues(is, name)).toEqual(sectionValues(recorded, name));
    }
    for (const line of was.lines.filter((text) => /^\s*[#;]/.test(text)))
      expect(after).toContain(line);
    expect(sts.calls[0]).toMatchObject({
      DurationSeconds: '43200',
      TokenCode: '123456',
      SerialNumber: `arn:aws:iam::123456789012:mfa/${vector.case === 'device env beats file' ? 'env' : 'alice'}`,
    });
  });
});
