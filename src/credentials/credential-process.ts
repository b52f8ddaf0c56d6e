import { DevaccessError } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { isoSeconds } from './credential-environment.ts';
import type { FreshCredentials } from './fresh-credentials.ts';

/** Names the profiles whose processes wait for this one. */
const WAITING_VARIABLE = 'DEVACCESS_CREDENTIAL_PROCESS_FOR';

/** The answer AWS SDKs expect of a `credential_process` (3.1 of the credentials facts). */
export interface ProcessAnswer {
  /** The number: SDKs refuse the text. */
  Version: 1;
  AccessKeyId: string;
  SecretAccessKey: string;
  SessionToken?: string;
  /** ISO 8601; without it SDKs never ask again. */
  Expiration?: string;
  AccountId?: string;
}

/** @throws DevaccessError DA_CREDENTIALS_INVALID for empty keys, which SDKs would take */
export function processAnswer(credentials: FreshCredentials): ProcessAnswer {
  const { accessKeyId, secretAccessKey, sessionToken, expirationMs, accountId } = credentials;
  if (accessKeyId === '' || secretAccessKey === '') {
    const message = `The credentials of profile ${credentials.profile} are empty`;
    const next = 'check the profile in the AWS files';
    throw new DevaccessError('DA_CREDENTIALS_INVALID', message, { next });
  }
  return {
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    ...(sessionToken === undefined ? {} : { SessionToken: sessionToken }),
    ...(expirationMs === undefined ? {} : { Expiration: isoSeconds(expirationMs) }),
    ...(accountId === undefined ? {} : { AccountId: accountId }),
  };
}

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
