import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  askedCodes,
  computedCodes,
  givenCode,
  noteCode,
} from '../../../src/credentials/mfa-codes.ts';
import type { MfaCodes } from '../../../src/credentials/mfa-codes.ts';
import { parseSeed, totpCode } from '../../../src/credentials/totp-seed.ts';
import { DevaccessError } from '../../../src/platform/errors.ts';

/** RFC 6238, appendix B, for SHA-1; six digits are the last of its eight. */
const RFC_SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const DEVICE = 'arn:aws:iam::123456789012:mfa/alice';
const START = Date.UTC(2026, 0, 1);

describe('the seed of an MFA device', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [20_000_000_000, '353130'],
  ])('gives the code of RFC 6238 at %i s', (seconds, code) => {
    expect(totpCode(RFC_SEED, Math.floor(seconds / 30))).toBe(code);
  });

  it.each([
    'gezd gnbv gy3t qojq gezd gnbv gy3t qojq',
    ` ${RFC_SEED}==== `,
    'GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ',
    `otpauth://totp/Amazon%20Web%20Services:alice@example?secret=${RFC_SEED}&issuer=AWS`,
  ])('is read as people have it: %s', (text) => {
    expect(parseSeed(text)).toBe(RFC_SEED);
  });

  it.each([
    '',
    'not base32!',
    'GEZDGNBV',
    '123456',
    `otpauth://hotp/x?secret=${RFC_SEED}&counter=1`,
    `otpauth://totp/x?secret=${RFC_SEED}&digits=8`,
    `otpauth://totp/x?secret=${RFC_SEED}&algorithm=SHA256`,
    'otpauth://totp/x',
  ])('is not %j', (text) => {
    expect(() => parseSeed(text)).toThrow(
      expect.objectContaining({ code: 'DA_USAGE', exitCode: 2 }) as Error,
    );
  });

  it('is not told in an error', () => {
    const text = `otpauth://totp/x?secret=${RFC_SEED}&digits=8`;
    expect(() => parseSeed(text)).not.toThrow(RFC_SEED);
  });
});

/** A service's refusal, with what its clock says. */
function refusal(serverMs?: number): DevaccessError {
  const date = serverMs === undefined ? undefined : new Date(serverMs).toUTCString();
  const cause = { $response: { headers: { date } } };
  return new DevaccessError('DA_MFA_CODE_REFUSED', 'AWS refused the MFA code', { cause });
}

let home: string;
let nowMs: number;
let waited: number;
let said: string[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-codes-'));
  nowMs = START + 5_000;
  waited = 0;
  said = [];
});
afterEach(() => rmSync(home, { recursive: true }));

const nobody = (): MfaCodes =>
  askedCodes(() => Promise.reject(new DevaccessError('DA_NO_TERMINAL', 'no terminal')));
const options = (otherwise: MfaCodes = nobody()) => ({
  seed: RFC_SEED,
  device: DEVICE,
  env: { HOME: home },
  now: () => nowMs,
  wait: (milliseconds: number) => {
    waited += milliseconds;
    nowMs += milliseconds;
    return Promise.resolve();
  },
  say: (_level: string, text: string) => void said.push(text),
  otherwise,
});
const codeAt = (timeMs: number): string => totpCode(RFC_SEED, Math.floor(timeMs / 30_000));
const take = async (codes: MfaCodes, refused?: DevaccessError): Promise<string> =>
  (await codes.next(refused))();

describe('computed codes', () => {
  it('are those the device shows, none of them twice', async () => {
    expect(await take(computedCodes(options()))).toBe(codeAt(START));
    expect(waited).toBe(0);
    expect(await take(computedCodes(options()))).toBe(codeAt(START + 30_000));
    expect(waited).toBe(25_000);
    expect(said).toEqual(['the present code has been used; the next comes in 25 s']);
  });

  it('are not given to two processes at once', async () => {
    const taken = await Promise.all(
      Array.from({ length: 4 }, () => take(computedCodes({ ...options(), now: () => nowMs }))),
    );
    expect(new Set(taken).size).toBe(4);
  });

  it('are of another step than one that a person has typed', async () => {
    await noteCode(codeAt(START), options());
    expect(await take(computedCodes(options()))).toBe(codeAt(START + 30_000));
  });

  it('are not counted twice by being noted', async () => {
    await noteCode('000000', options());
    expect(await take(computedCodes(options()))).toBe(codeAt(START));
  });

  it.each([
    ['behind', 20 * 60_000],
    ['ahead of', -20 * 60_000],
  ])('go by the clock of AWS where this one is %s it', async (which, offsetMs) => {
    const codes = computedCodes(options());
    await take(codes);
    const second = await take(codes, refusal(nowMs + offsetMs));
    expect(second).toBe(codeAt(START + offsetMs));
    expect(said).toEqual([`this computer's clock is 1200 s ${which} that of AWS; set it`]);
  });

  it('are given up after two, and the person is asked', async () => {
    const retries: (string | undefined)[] = [];
    const asked = askedCodes((retry) => {
      retries.push(retry);
      return Promise.resolve('123456');
    });
    const codes = computedCodes(options(asked));
    await take(codes);
    await take(codes, refusal());
    expect(await take(codes, refusal())).toBe('123456');
    expect(retries).toEqual(['AWS refused the MFA code']);
    expect(said.at(-1)).toBe('AWS takes no code of the stored seed');
  });

  it('are the reason of a failure where nobody can be asked', async () => {
    const codes = computedCodes(options());
    await take(codes);
    await take(codes, refusal());
    const last = refusal();
    await expect(codes.next(last)).rejects.toBe(last);
  });

  it('leave no seed in what remembers them', async () => {
    await take(computedCodes(options()));
    const folder = join(home, '.local', 'state', 'devaccess');
    const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(kept).toEqual([`[${START / 30_000}]\n`]);
  });
});

describe('codes of a person', () => {
  it('may be wrong twice', async () => {
    const codes = askedCodes(() => Promise.resolve('123456'));
    await take(codes);
    await take(codes, refusal());
    await take(codes, refusal());
    const last = refusal();
    await expect(codes.next(last)).rejects.toBe(last);
  });

  it('are tried once when they were given in advance', async () => {
    const codes = givenCode('123456');
    expect(await take(codes)).toBe('123456');
    const last = refusal();
    await expect(codes.next(last)).rejects.toBe(last);
    expect(() => givenCode('12345')).toThrow(/six digits/);
  });
});
