import { DevaccessError } from '../platform/errors.ts';
import { isoSeconds } from './expiration.ts';

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

interface AnsweredCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | undefined;
  expirationMs: number | undefined;
  accountId: string | undefined;
}

/**
 * @param owner for an error's text, such as `profile admin`
 * @throws DevaccessError DA_CREDENTIALS_INVALID for empty keys, which SDKs would take
 */
export function processAnswer(credentials: AnsweredCredentials, owner: string): ProcessAnswer {
  const { accessKeyId, secretAccessKey, sessionToken, expirationMs, accountId } = credentials;
  if (accessKeyId === '' || secretAccessKey === '') {
    const message = `The credentials of ${owner} are empty`;
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
