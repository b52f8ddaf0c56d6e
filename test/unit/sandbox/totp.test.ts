import { describe, expect, it } from 'vitest';
import { totpCode, TotpVerifier } from '../../../src/sandbox/totp.ts';

// The SHA-1 key of RFC 6238 appendix B, "12345678901234567890".
const device = {
  serialNumber: 'arn:aws:iam::123456789012:mfa/alice',
  base32Seed: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  enabledAtMs: 0,
  driftSteps: 0,
};

describe('one-time codes', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ])('are those of RFC 6238 at %d s', (seconds, code) => {
    expect(totpCode(device, seconds * 1000)).toBe(code);
  });

  function at(startMs: number) {
    const clock = { nowMs: startMs };
    return { clock, verifier: new TotpVerifier(() => clock.nowMs) };
  }
  const T = 1_800_000_000_000;
  const STEP = 30_000;

  it('are right in their own step and the next, not before and not after', () => {
    for (const [offset, right] of [
      [-STEP, true],
      [0, true],
      [STEP, false],
      [-2 * STEP, false],
    ] as const) {
      const { verifier } = at(T);
      expect(verifier.redeem(device, totpCode(device, T + offset))).toBe(right);
    }
  });

  it('work once, also in the following step', () => {
    const { clock, verifier } = at(T);
    const code = totpCode(device, T);
    expect(verifier.redeem(device, code)).toBe(true);
    expect(verifier.redeem(device, code)).toBe(false);
    clock.nowMs += STEP;
    expect(verifier.redeem(device, code)).toBe(false);
    expect(verifier.redeem(device, totpCode(device, clock.nowMs))).toBe(true);
  });

  it('are spent per device', () => {
    const { verifier } = at(T);
    const other = { ...device, serialNumber: 'arn:aws:iam::123456789012:mfa/bob' };
    const code = totpCode(device, T);
    expect(verifier.redeem(device, code)).toBe(true);
    expect(verifier.redeem(other, code)).toBe(true);
  });

  it('are six digits and nothing else', () => {
    const { verifier } = at(T);
    for (const text of ['', '12345', `${totpCode(device, T)}0`, 'абвгде', '\u0000'.repeat(6)]) {
      expect(verifier.redeem(device, text)).toBe(false);
    }
  });
});
