import { timingSafeEqual } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { MfaDevice } from './iam/entities.ts';

/** RFC 6238 with AWS's parameters. */
const PERIOD_S = 30;
const DIGITS = 6;

type Generator = Pick<MfaDevice, 'base32Seed'>;

/** The code the person's authenticator shows at `nowMs`. */
export function totpCode(device: Generator, nowMs: number): string {
  return new TOTP({
    secret: Secret.fromBase32(device.base32Seed),
    algorithm: 'SHA1',
    digits: DIGITS,
    period: PERIOD_S,
  }).generate({ timestamp: nowMs });
}

/**
 * Checks one-time codes. The code of the current or of the previous 30 second step is right, by the
 * device's clock, and each opens the door once: a repeated code is refused, as AWS refuses it.
 */
export class TotpVerifier {
  /** Per device, the steps whose code was used; only those that could still match are kept. */
  readonly #usedSteps = new WeakMap<MfaDevice, number[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** True once per right code; spends the code. */
  redeem(device: MfaDevice, code: string): boolean {
    const step = this.#step() + device.driftSteps;
    const used = (this.#usedSteps.get(device) ?? []).filter((at) => at >= step - 1);
    // A drift is known to a step: the code it was learnt from may have been typed late.
    const candidates = device.driftSteps === 0 ? [step, step - 1] : [step, step - 1, step + 1];
    const matching = candidates.find((candidate) => codeFits(device, candidate, code));
    if (matching === undefined || used.includes(matching)) return false;
    this.#usedSteps.set(device, [...used, matching]);
    return true;
  }

  /**
   * Checks two codes that the device showed one after the other, the later of them lately; spends
   * both, and learns how far the device's clock is off.
   * @param withinSteps how many 30 s steps the clock may be off, either way
   */
  synchronize(device: MfaDevice, codes: readonly [string, string], withinSteps: number): boolean {
    const step = this.#step();
    // The nearest first: two pairs of codes may be alike by chance.
    for (let distance = 0; distance <= withinSteps; distance += 1) {
      for (const drift of distance === 0 ? [0] : [distance, -distance]) {
        const at = step + drift;
        if (!codeFits(device, at - 1, codes[0]) || !codeFits(device, at, codes[1])) continue;
        // One step behind is no drift: a code takes a moment to type.
        device.driftSteps = drift === -1 ? 0 : drift;
        this.#usedSteps.set(device, [at - 1, at]);
        return true;
      }
    }
    return false;
  }

  #step(): number {
    return Math.floor(this.#now() / 1000 / PERIOD_S);
  }
}

function codeFits(device: Generator, step: number, code: string): boolean {
  if (step < 0 || device.base32Seed === '') return false;
  const expected = Buffer.from(totpCode(device, step * PERIOD_S * 1000));
  const given = Buffer.from(code);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
