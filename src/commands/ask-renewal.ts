import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

interface PersonWorld {
  env: Environment;
  say: (text: string) => void;
  mfaCommand: readonly [string, ...string[]];
  coolDownMs: number;
}

/**
 * Has the person renew what a session needs when its credentials have expired: a code is asked for
 * on the terminal, which must be free for it.
 *
 * @param profile undefined leaves it to the environment
 * @returns whether they were renewed
 */
export async function askRenewal(
  profile: string | undefined,
  { env, say, mfaCommand: command, coolDownMs }: PersonWorld,
  signal: AbortSignal,
): Promise<boolean> {
  const failedAtMs = Date.now();
  const named = profile ?? envValue(env, 'AWS_PROFILE') ?? envValue(env, 'AWS_DEFAULT_PROFILE');
  // Keys in the environment are renewed by whoever put them there.
  if (named === undefined && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined) return false;
  const { renewByPerson } = await import('../aws/renewal.ts');
  return renewByPerson({
    profile: named ?? 'default',
    env,
    failedAtMs,
    command,
    say,
    signal,
    coolDownMs,
  });
}
