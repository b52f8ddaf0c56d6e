import { readFileSync } from 'node:fs';
import type { AwsCredentialIdentity } from '@smithy/types';
import { awsCredentialsFile, envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { readSharedFiles, sharedProfile } from './files/shared-sections.ts';
import { STORE_KEY } from './key-pointer.ts';
import { staticKeys } from './static-keys.ts';

/** Keeps the SDK's multi-line advice out of the person's terminal and ssh session. */
export const QUIET_LOGGER = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** As the SDK does: what ends sooner is fetched anew. */
const RENEW_BEFORE_MS = 5 * 60_000;

export interface ChainOptions {
  /** Looked at first, before the environment's keys; without one the environment comes first. */
  profile: string | undefined;
  /** Proxies and certificates, and where the person's files are. */
  env: Environment;
  /** Told what the person did not get as asked for. */
  onNotice?: (text: string) => void;
  /**
   * How long a prompt for the passphrase of a stored key that came to nothing counts, in
   * milliseconds; 0 for a person's own command. Default `COOL_DOWN_MS`.
   */
  coolDownMs?: number;
}

export type CredentialChain = () => Promise<AwsCredentialIdentity>;

/**
 * The SDK's chain of credential sources: environment, files, IAM Identity Center, processes, web
 * identity, containers and instances. Unlike in the SDK, a profile that names a source fails with
 * that source's error: nothing further down the chain takes its place.
 */
export function credentialChain(options: ChainOptions): CredentialChain {
  let held: Promise<AwsCredentialIdentity> | undefined;
  let endMs = Infinity;
  return () => {
    if (held !== undefined && endMs - Date.now() > RENEW_BEFORE_MS) return held;
    const fetched = fetch(options);
    held = fetched;
    endMs = Infinity;
    fetched.then(
      ({ expiration }) => (endMs = expiration?.getTime() ?? Infinity),
      () => (held = undefined),
    );
    return fetched;
  };
}

async function fetch(options: ChainOptions): Promise<AwsCredentialIdentity> {
  const { profile, env } = options;
  const keys = staticKeys(profile, env);
  if (keys !== undefined) return keys;
  const init = await chainSettings(options);
  const isNamed = profile !== undefined || envValue(env, 'AWS_PROFILE') !== undefined;
  if (isNamed || envValue(env, 'AWS_ACCESS_KEY_ID') === undefined) {
    if (hasStoredKeys(env)) {
      const { storedCredentials } = await import('./stored-chain.ts');
      const stored = await storedCredentials(options);
      if (stored !== undefined) return stored;
    }
    const { fromIni } = await import('@aws-sdk/credential-provider-ini');
    try {
      return await fromIni(init)();
    } catch (error) {
      if (!hasNoSource(error, profile ?? envValue(env, 'AWS_PROFILE') ?? 'default')) throw error;
    }
  }
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider(init)();
}

async function chainSettings({ profile, env, onNotice }: ChainOptions) {
  const { apiAgents } = await import('./api-agents.ts');
  const { Connections } = await import('./connections.ts');
  const requestHandler = apiAgents(new Connections(env));
  const named = profile ?? envValue(env, 'AWS_PROFILE') ?? 'default';
  const region = sharedProfile(readSharedFiles(env), named)?.['region'];
  return {
    logger: QUIET_LOGGER,
    ignoreCache: true,
    ...(profile === undefined ? {} : { profile }),
    // For sources that ask STS or SSO: their connections go the same ways.
    clientConfig: { requestHandler },
    // A profile's web identity takes them from here, and else asks STS of another partition.
    parentClientConfig: { requestHandler, ...(region === undefined ? {} : { region }) },
    // No code is asked for: the role assumer looks for a session that has one behind it.
    mfaCodeProvider: () => Promise.resolve(''),
    roleAssumer: async (source: AwsCredentialIdentity, parameters: object) => {
      // Few profiles have a role; the others do not load this.
      const { assumeProfileRole, knownSource } = await import('./role-assumer.ts');
      const options = { profile, env, now: Date.now, onNotice };
      return assumeProfileRole(knownSource(source), parameters, options);
    },
  };
}

/** Few credentials files have such a section; the others pay for no more than this. */
function hasStoredKeys(env: Environment): boolean {
  try {
    return readFileSync(awsCredentialsFile(env), 'latin1').includes(STORE_KEY);
  } catch {
    return false;
  }
}

/** The SDK has no other sign that a profile is missing or has settings of other kinds alone. */
function hasNoSource(error: unknown, profile: string): boolean {
  const sign = `Could not resolve credentials using profile: [${profile}]`;
  return error instanceof Error && error.message.startsWith(sign);
}
