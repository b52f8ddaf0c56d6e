import { createHash } from 'node:crypto';
import type { AwsCredentialIdentity } from '@smithy/types';
import { keptCredentials } from '../aws/credential-cache.ts';
import type { CredentialChain } from '../aws/credential-chain.ts';
import type { Environment } from '../platform/paths.ts';
import { readTextFile } from '../platform/safe-file.ts';
import { identityCenterTokenFile } from './identity-center-token.ts';
import { plainSetting } from './profiles.ts';

/** What a profile's sign-in leaves on disk; without it, its credentials are nobody's to use. */
export interface SignIn {
  tokenFile: string;
  /** The settings that decide what the token is exchanged for. */
  settings: readonly string[];
}

/** The sign-in of a profile of IAM Identity Center or of a web identity, if it is one. */
export function signInOf(
  settings: ReadonlyMap<string, string> | undefined,
  env: Environment,
): SignIn | undefined {
  const setting = (key: string): string | undefined => plainSetting(settings, key);
  if (setting('aws_access_key_id') !== undefined || setting('source_profile') !== undefined) {
    return undefined;
  }
  const webIdentity = setting('web_identity_token_file');
  if (webIdentity !== undefined) {
    const keys = ['role_arn', 'role_session_name', 'region'];
    return { tokenFile: webIdentity, settings: keys.map((key) => setting(key) ?? '') };
  }
  const tokenFile = identityCenterTokenFile(settings, env);
  if (tokenFile === undefined || setting('role_arn') !== undefined) return undefined;
  const keys = ['sso_account_id', 'sso_role_name', 'sso_region'];
  return { tokenFile, settings: keys.map((key) => setting(key) ?? '') };
}

/**
 * Credentials of a chain; those that a sign-in was exchanged for are kept for the next process
 * for as long as the token they came from is there. Those of roles keep themselves.
 */
export async function keptWhileSignedIn(
  { credentials, signIn }: { credentials: CredentialChain; signIn: SignIn | undefined },
  world: { env: Environment; now: () => number },
): Promise<AwsCredentialIdentity> {
  const token = signIn === undefined ? undefined : readTextFile(signIn.tokenFile);
  if (signIn === undefined || token === undefined) return credentials();
  const digest = createHash('sha256').update(token).digest('hex');
  let fetched: AwsCredentialIdentity | undefined;
  const fetch = async () => {
    fetched = await credentials();
    const { accessKeyId, secretAccessKey, sessionToken = '', expiration } = fetched;
    return { accessKeyId, secretAccessKey, sessionToken, expirationMs: expiration?.getTime() ?? 0 };
  };
  const { expirationMs, ...kept } = await keptCredentials(
    [...signIn.settings, digest],
    fetch,
    world,
  );
  return fetched ?? { ...kept, expiration: new Date(expirationMs) };
}
