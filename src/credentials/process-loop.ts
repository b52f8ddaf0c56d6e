import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

/** Names the profiles whose processes wait for this one. */
const WAITING_VARIABLE = 'DEVACCESS_CREDENTIAL_PROCESS_FOR';

/**
 * The variable that tells processes further down who waits: a profile whose `credential_process`
 * asks for itself would start processes without end.
 *
 * @throws DevaccessError DA_CREDENTIAL_PROCESS_LOOP
 */
export function waitingFor(profile: string, env: Environment): Record<string, string> {
  const waiting = (envValue(env, WAITING_VARIABLE) ?? '').split('\n').filter(Boolean);
  if (!waiting.includes(profile)) return { [WAITING_VARIABLE]: [...waiting, profile].join('\n') };
  throw new DevaccessError(
    'DA_CREDENTIAL_PROCESS_LOOP',
    `The credential_process of profile ${profile} asks for profile ${profile} itself`,
    { next: 'let it ask for another profile: devaccess credential-process --print-config' },
  );
}
