import type { ClientOptions } from '../../aws/client-settings.ts';
import { callerIdentity } from '../../aws/caller-identity.ts';
import { findMfaSession } from '../../aws/mfa-sessions.ts';
import { chooseStsRegion } from '../../aws/region.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { plainSetting, profileSettings, readAwsFiles } from '../profiles.ts';
import type { KeyWorld } from '../stored-keys/key-places.ts';
import type { FoundKey } from '../stored-keys/key-section.ts';
import { findIn, readKey } from '../stored-keys/move-key.ts';
import type { KeyQuery } from '../stored-keys/move-key.ts';

/** An IAM user, as STS names one. */
export interface UserName {
  arn: string;
  partition: string;
  account: string;
  /** Without its path. */
  name: string;
}

/** The user behind a profile's long-term key, and what IAM is asked with. */
export interface UserAccess {
  key: FoundKey;
  user: UserName;
  client: ClientOptions;
  /** When that ends, where it is an MFA session made of the key; in milliseconds since the epoch. */
  mfaEndMs: number | undefined;
}

/** A session that ends within it is not begun with. */
const MARGIN_MS = 60_000;

/**
 * Settles who a profile's long-term key belongs to. IAM is asked with the MFA session that was made of
 * the key, where one lasts: policies ask for it, and IAM takes no other session. Else with the key itself.
 *
 * @throws DevaccessError DA_NOT_A_USER, DA_NO_LONG_TERM_KEY and those of reading the key and of STS
 */
export async function userAccess(
  query: KeyQuery,
  world: KeyWorld & { now: () => number },
): Promise<UserAccess> {
  const { env } = world;
  const key = findIn(query, env);
  const session = await findMfaSession(key.accessKeyId, env);
  const hasMfa = session !== undefined && session.expirationMs - world.now() > MARGIN_MS;
  const mfaEndMs = hasMfa ? session.expirationMs : undefined;
  const credentials = hasMfa ? session : await readKey(key, world, {});
  const { accessKeyId, secretAccessKey } = credentials;
  const token = hasMfa ? { sessionToken: session.sessionToken } : {};
  const client = {
    credentials: { accessKeyId, secretAccessKey, ...token },
    region: regionOf(query, key.section, env),
    profile: query.profile,
  };
  return { key, user: userOf((await callerIdentity(client)).arn), client, mfaEndMs };
}

/** IAM is one for a whole partition: any region of it will do. */
export function regionOf({ profile }: KeyQuery, section: string, env: KeyWorld['env']): string {
  const files = readAwsFiles(env);
  const [own, longTerm] = [profile, section].map((name) => profileSettings(files, name));
  const profileRegion = plainSetting(own, 'region') ?? plainSetting(longTerm, 'region');
  const device = plainSetting(longTerm, 'aws_mfa_device') ?? plainSetting(longTerm, 'mfa_serial');
  return chooseStsRegion({ flag: undefined, env, profileRegion }, device);
}

/** @throws DevaccessError DA_NOT_A_USER */
export function userOf(arn: string): UserName {
  const [, partition, account, name] =
    /^arn:([\w-]+):iam::(\d{12}):user\/(?:[\x21-\x7e]*\/)?([\w+=,.@-]{1,64})$/.exec(arn) ?? [];
  if (partition !== undefined && account !== undefined && name !== undefined) {
    return { arn, partition, account, name };
  }
  const isRoot = arn.endsWith(':root');
  throw new DevaccessError('DA_NOT_A_USER', `${arn} is not an IAM user`, {
    next: isRoot
      ? 'keys and devices of the root user belong into the AWS console; better, delete its access keys'
      : 'access keys and MFA devices belong to IAM users: name the profile of one',
  });
}
