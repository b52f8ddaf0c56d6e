import { loadSharedConfigFiles } from '@smithy/core/config';
import { awsConfigFile, awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { parseExpiration } from './expiration.ts';
import { keyPointer } from './key-pointer.ts';
import { isMadeFromKey, SOURCE_KEY } from './session-source.ts';

type Section = Readonly<Record<string, string | undefined>>;
type Sections = Readonly<Record<string, Section>>;

/** A session of a user, as a section of the credentials file holds it. */
export interface StoredSession {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expirationMs: number;
}

/**
 * Of the sessions in the credentials file that were made from a long-term key, the one that lasts
 * longest, expired or not: by the marker of devaccess, or in a section `P` that aws-mfa has made
 * from `P-long-term`. Which MFA device stands behind it plays no part for AWS.
 */
export async function findMfaSession(
  longTermKeyId: string,
  env: Environment,
): Promise<StoredSession | undefined> {
  const { credentialsFile } = await readShared(env);
  const found = Object.entries(credentialsFile).flatMap(([name, section]) => {
    const session = storedSession(section);
    if (session === undefined) return [];
    const isOurs =
      isMadeFromKey(section[SOURCE_KEY], session.accessKeyId, longTermKeyId) ??
      longTermKeyIdOf(credentialsFile[`${name}-long-term`]) === longTermKeyId;
    return isOurs ? [session] : [];
  });
  return found.sort((one, other) => other.expirationMs - one.expirationMs)[0];
}

function longTermKeyIdOf(section: Section = {}): string | undefined {
  return section['aws_access_key_id'] ?? keyPointer((key) => section[key])?.accessKeyId;
}

/** The `region` of a profile. */
export async function profileRegion(
  profile: string | undefined,
  env: Environment,
): Promise<string | undefined> {
  const name = profile ?? env['AWS_PROFILE'] ?? 'default';
  const { configFile, credentialsFile } = await readShared(env);
  return credentialsFile[name]?.['region'] ?? configFile[name]?.['region'];
}

function readShared(
  env: Environment,
): Promise<{ configFile: Sections; credentialsFile: Sections }> {
  return loadSharedConfigFiles({
    filepath: awsCredentialsFile(env),
    configFilepath: awsConfigFile(env),
    ignoreCache: true,
  });
}

function storedSession(section: Section): StoredSession | undefined {
  const {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: sessionToken,
    assumed_role_arn: role,
    expiration = '',
  } = section;
  const expirationMs = parseExpiration(expiration);
  const isSession = accessKeyId && secretAccessKey && sessionToken && expirationMs !== undefined;
  if (!isSession || role !== undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expirationMs };
}
