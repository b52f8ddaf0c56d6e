import { isoSeconds } from '../aws/expiration.ts';
import type { Environment } from '../platform/paths.ts';
import type { FreshCredentials } from './fresh-credentials.ts';

/** Everything by which AWS tools choose credentials, or are told about them. */
const CREDENTIAL_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  // Older tools; botocore prefers the second to AWS_SESSION_TOKEN.
  'AWS_ACCESS_KEY',
  'AWS_SECRET_KEY',
  'AWS_SECURITY_TOKEN',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_CREDENTIAL_SCOPE',
  'AWS_ACCOUNT_ID',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
];

export interface EnvironmentChange {
  set: Readonly<Record<string, string>>;
  /** Variables that would have AWS tools use other credentials. */
  remove: readonly string[];
}

/**
 * The variables that give a program these credentials and no others. A profile's name is not among
 * them: with it, the SDK for JavaScript would pass over the keys.
 */
export function credentialEnvironment(credentials: FreshCredentials): EnvironmentChange {
  const { sessionToken, expirationMs, accountId, region, endpoints } = credentials;
  const set = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    ...(expirationMs === undefined ? {} : { AWS_CREDENTIAL_EXPIRATION: isoSeconds(expirationMs) }),
    ...(accountId === undefined ? {} : { AWS_ACCOUNT_ID: accountId }),
    ...(region === undefined ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
    ...endpoints,
  };
  return { set, remove: CREDENTIAL_VARIABLES.filter((name) => !(name in set)) };
}

/** An environment after a change. */
export function changedEnvironment(
  env: Environment,
  { set, remove }: EnvironmentChange,
): Record<string, string> {
  const changed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !remove.includes(name)) changed[name] = value;
  }
  return { ...changed, ...set };
}
