/** Where the code for a session comes from: the command line, the person, or the device's seed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { serverTimeOf } from '../aws/server-time.ts';
import { DevaccessError } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { checkCode } from './mfa-choices.ts';
import { takeStep } from './totp-steps.ts';

export interface MfaCodes {
  /**
   * The next code to try, ready to be taken when it is certain that one is needed.
   *
   * @param refused why the one before was not accepted
   * @throws `refused` when there is no other
   */
  next: (refused: DevaccessError | undefined) => Promise<() => Promise<string>>;
}

const MAX_CODES = 3;
/** The second is for a clock that turned out to be wrong. */
const MAX_COMPUTED = 2;
/** The service's clock is told in whole seconds, and the answer was on its way. */
const SKEW_MS = 2_000;

/** One code, once. @throws DevaccessError DA_USAGE */
export function givenCode(code: string): MfaCodes {
  checkCode(code);
  return {
    next: (refused) =>
      refused === undefined
        ? Promise.resolve(() => Promise.resolve(code))
        : Promise.reject(refused),
  };
}

/** The person's, who may be wrong twice. @param ask told why it is asked again */
export function askedCodes(ask: (retry: string | undefined) => Promise<string>): MfaCodes {
  let asked = 0;
  return {
    next: async (refused) => {
      if (refused !== undefined && asked >= MAX_CODES) throw refused;
      asked += 1;
      const code = checkCode(await ask(refused?.message));
      return () => Promise.resolve(code);
    },
  };
}

export interface ComputedOptions {
  seed: string;
  device: string;
  env: Environment;
  now: () => number;
  wait?: (milliseconds: number) => Promise<unknown>;
  say: (level: 'debug' | 'warning', text: string) => void;
  /** For when the service takes none of them. */
  otherwise: MfaCodes;
}

/**
 * Those of a stored seed. No code is used twice on this computer: where the present one has been,
 * this waits for the next. After a refusal the service's clock counts, not this computer's.
 */
export function computedCodes(options: ComputedOptions): MfaCodes {
  const { now, say, otherwise } = options;
  let offsetMs = 0;
  let computed = 0;
  let isGivenUp = false;
  return {
    next: async (refused) => {
      if (refused !== undefined) {
        const serverMs = serverTimeOf(refused);
        if (serverMs !== undefined && Math.abs(serverMs - now()) >= SKEW_MS) {
          offsetMs = serverMs - now();
          const seconds = Math.round(Math.abs(offsetMs) / 1000);
          const which = offsetMs > 0 ? 'behind' : 'ahead of';
          say('warning', `this computer's clock is ${seconds} s ${which} that of AWS; set it`);
        }
      }
      if (computed < MAX_COMPUTED || refused === undefined) {
        computed += 1;
        return () => freshCode(options, offsetMs);
      }
      if (!isGivenUp) say('warning', 'AWS takes no code of the stored seed');
      isGivenUp = true;
      return otherwise.next(refused).catch((error: unknown) => {
        // Where nobody can be asked, that is not what went wrong.
        throw hasNoTerminal(error) ? refused : error;
      });
    },
  };
}

function hasNoTerminal(error: unknown): boolean {
  return error instanceof DevaccessError && error.code === 'DA_NO_TERMINAL';
}

/** A code that did not come from here counts as used, too, where the seed tells which it is. */
export async function noteCode(
  code: string,
  { seed, device, env, now }: Pick<ComputedOptions, 'seed' | 'device' | 'env' | 'now'>,
): Promise<void> {
  const { STEP_MS, totpCode } = await import('./totp-seed.ts');
  const present = Math.floor(now() / STEP_MS);
  for (let step = present - 2; step <= present + 2; step += 1) {
    if (totpCode(seed, step) === code) await takeStep(device, step, env);
  }
}

async function freshCode(
  { seed, device, env, now, wait = sleep, say }: ComputedOptions,
  offsetMs: number,
): Promise<string> {
  const { STEP_MS, totpCode } = await import('./totp-seed.ts');
  for (;;) {
    const timeMs = now() + offsetMs;
    const step = Math.floor(timeMs / STEP_MS);
    if (await takeStep(device, step, env)) return totpCode(seed, step);
    const leftMs = (step + 1) * STEP_MS - timeMs;
    say(
      'warning',
      `the present code has been used; the next comes in ${Math.ceil(leftMs / 1000)} s`,
    );
    await wait(leftMs);
  }
}
