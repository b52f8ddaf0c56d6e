import { timingSafeEqual } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { MfaDevice } from './account.ts';

/** RFC 6238 with AWS's parameters. */
const PERIOD_S = 30;
const DIGITS = 6;

function generator(device: Pick<MfaDevice, 'base32Seed'>): TOTP {
  return new TOTP({
    secret: Secret.fromBase32(device.base32Seed),
    algorithm: 'SHA1',
    digits: DIGITS,
    period: PERIOD_S,
  });
}

/** The code the person's authenticator shows at `nowMs`. */
export function totpCode(device: Pick<MfaDevice, 'base32Seed'>, nowMs: number): string {
  return generator(device).generate({ timestamp: nowMs });
}

/**
 * Checks one-time codes. The code of the current or of the previous 30 second step is right,
 * and each opens the door once: a repeated code is refused, as AWS refuses it.
 */
export class TotpVerifier {
  /** Per device, the steps whose code was used; only the two that could still match are kept. */
  readonly #usedSteps = new Map<string, number[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** True once per right code; spends the code. */
  redeem(device: MfaDevice, code: string): boolean {
    const step = Math.floor(this.#now() / 1000 / PERIOD_S);
    const used = (this.#usedSteps.get(device.serialNumber) ?? []).filter((at) => at >= step - 1);
    const matching = [step, step - 1].find(
      (candidate) =>
        candidate >= 0 && equalCodes(totpCode(device, candidate * PERIOD_S * 1000), code),
    );
    if (matching === undefined || used.includes(matching)) return false;
    this.#usedSteps.set(device.serialNumber, [...used, matching]);
    return true;
  }
}

function equalCodes(expected: string, given: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}
