import { callerIdentity } from '../aws/caller-identity.ts';
import { chooseStsRegion } from '../aws/region.ts';
import { serviceError } from '../aws/service-errors.ts';
import { DevaccessError } from '../platform/errors.ts';
import type { Environment } from '../platform/paths.ts';
import { chooseIdentity } from './access.ts';
import { keptWhileSignedIn } from './kept-sources.ts';
import type { CredentialsStatus, ProfileStatus } from './status.ts';

/** Who AWS says a profile is, or why it did not say. */
export type VerifiedIdentity =
  | { arn: string; account: string; userId: string }
  | { error: { code: string; message: string; next: string | null } };

/** So many profiles are asked about at a time. */
const AT_ONCE = 4;

/** Asks STS about every profile that has credentials; fills in `verified`. */
export async function verifyIdentities(
  status: CredentialsStatus,
  world: { env: Environment; now: () => number },
): Promise<void> {
  const waiting = status.profiles.filter(({ state }) => state !== 'missing' && state !== 'expired');
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      next.verified = await identityOf(next, world);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function identityOf(
  { profile, role }: ProfileStatus,
  { env, now }: { env: Environment; now: () => number },
): Promise<VerifiedIdentity> {
  try {
    const identity = await chooseIdentity(profile, env, now());
    const credentials = await keptWhileSignedIn(identity, { env, now });
    const { profileRegion } = identity;
    const region = chooseStsRegion({ flag: undefined, env, profileRegion }, role ?? undefined);
    return await callerIdentity({ credentials, region, profile });
  } catch (error) {
    return {
      error: described(
        serviceError(error, { service: 'STS', operation: 'GetCallerIdentity', profile }),
      ),
    };
  }
}

function described(error: unknown): { code: string; message: string; next: string | null } {
  if (!(error instanceof DevaccessError)) throw error;
  return { code: error.code, message: error.message, next: error.next ?? null };
}
