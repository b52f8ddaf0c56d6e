import type { AwsCredentialIdentity } from '@smithy/types';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { readSharedFiles, sharedProfile } from './files/shared-sections.ts';
import type { Section } from './files/shared-sections.ts';

/**
 * Keys that lie open in environment or files, found in the order of the SDK's chain without loading it:
 * this is what a session of `devaccess mfa` is, and every `ssh` pays for what is loaded.
 *
 * @returns undefined where the chain has another source, or none
 */
export function staticKeys(
  profile: string | undefined,
  env: Environment,
): AwsCredentialIdentity | undefined {
  const named = profile ?? envValue(env, 'AWS_PROFILE');
  if (named === undefined && envValue(env, 'AWS_ACCESS_KEY_ID') !== undefined) {
    return environmentKeys(env);
  }
  const section = sharedProfile(readSharedFiles(env), named ?? 'default');
  return section === undefined || isRole(section) ? undefined : profileKeys(section);
}

function environmentKeys(env: Environment): AwsCredentialIdentity | undefined {
  const accessKeyId = envValue(env, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = envValue(env, 'AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const sessionToken = envValue(env, 'AWS_SESSION_TOKEN');
  const end = envValue(env, 'AWS_CREDENTIAL_EXPIRATION');
  const accountId = envValue(env, 'AWS_ACCOUNT_ID');
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(end === undefined ? {} : { expiration: new Date(end) }),
    ...(accountId === undefined ? {} : { accountId }),
  };
}

/** The SDK assumes a role even where the profile has keys of its own. */
function isRole(section: Section): boolean {
  const { role_arn: role, source_profile: source, credential_source: named } = section;
  return role !== undefined && (source === undefined) !== (named === undefined);
}

function profileKeys(section: Section): AwsCredentialIdentity | undefined {
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = section;
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const { aws_session_token: sessionToken, aws_account_id: accountId } = section;
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(accountId === undefined ? {} : { accountId }),
  };
}
