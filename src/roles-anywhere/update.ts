import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { KeptCredentials } from '../aws/credential-cache.ts';
import { DevaccessError, errorLine } from '../platform/errors.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { awsCredentialsFile, stateDirectory } from '../platform/paths.ts';
import { makeFolder } from '../platform/safe-file.ts';
import { CredentialKeeper, untilStopped } from './credential-keeper.ts';
import type { KeeperWorld } from './credential-keeper.ts';
import { checkProfile, writeProfile } from './kept-profile.ts';
import type { WrittenProfile } from './kept-profile.ts';
import { utcMinute } from './identity-checks.ts';
import { patientWorld } from './patient-world.ts';
import { sessionCredentials } from './session-credentials.ts';
import type { CredentialWorld } from './session-credentials.ts';
import type { SessionPlan } from './session-plan.ts';

export interface UpdateWorld
  extends CredentialWorld, Partial<Pick<KeeperWorld, 'random' | 'pause'>> {
  /** Told at the start, and each time the profile got others. */
  onWritten: (written: WrittenProfile) => void;
}

/**
 * Writes credentials of a machine's role to a profile once.
 *
 * @throws DevaccessError those of `sessionCredentials` and `writeProfile`; the profile is then as it was
 */
export async function updateOnce(
  plan: SessionPlan,
  profile: string,
  world: CredentialWorld,
): Promise<WrittenProfile> {
  checkProfile(profile, world.env);
  return writeProfile(profile, await sessionCredentials(plan, world), world.env);
}

/**
 * Keeps a profile fresh until the signal. When new credentials do not arrive, the old ones stay.
 *
 * @throws DevaccessError DA_UPDATE_RUNNING; at the start those of `updateOnce`, unless trying again
 *   may help
 */
export async function keepProfile(
  plan: SessionPlan,
  profile: string,
  stop: AbortSignal,
  givenWorld: UpdateWorld,
): Promise<void> {
  const world = { ...givenWorld, ...patientWorld(givenWorld) };
  const { env, now, say, onWritten } = world;
  checkProfile(profile, env);
  let isFirst = true;
  const fetch = async (): Promise<KeptCredentials> => {
    const credentials = await sessionCredentials(plan, world);
    const written = await writeProfile(profile, credentials, env);
    if (isFirst || written.outcome !== 'unchanged') onWritten(written);
    isFirst = false;
    return credentials;
  };
  const onFailed = (error: unknown, nextMs: number): void =>
    say(`[${profile}] is as it was, next try at ${utcMinute(nextMs)}: ${errorLine(error)}`);
  const { random, pause } = world;
  const keeper = new CredentialKeeper(fetch, {
    now,
    onFailed,
    ...(random === undefined ? {} : { random }),
    ...(pause === undefined ? {} : { pause }),
  });
  await alone(profile, world, () => untilStopped(keeper.keep(stop), stop));
}

/** Two that keep one profile would take turns with it. */
async function alone(
  profile: string,
  { env }: CredentialWorld,
  work: () => Promise<void>,
): Promise<void> {
  const file = awsCredentialsFile(env);
  const folder = join(stateDirectory(env), 'anywhere-update');
  const name = createHash('sha256')
    .update(JSON.stringify([file, profile]))
    .digest('hex');
  const lock = { isHeld: false };
  try {
    makeFolder(folder);
    await withFileLock(
      join(folder, `${name.slice(0, 32)}.lock`),
      () => {
        lock.isHeld = true;
        return work();
      },
      { waitMs: 0 },
    );
  } catch (error) {
    if (lock.isHeld) throw error;
    const isBusy = error instanceof DevaccessError && error.code === 'DA_FILE_BUSY';
    // Where nothing can be kept, such as with a read-only home, nobody can be told.
    if (!isBusy) return work();
    throw new DevaccessError(
      'DA_UPDATE_RUNNING',
      `Another devaccess anywhere update keeps [${profile}] of ${file} fresh already`,
      { next: 'end that one first, or give another --profile; --once works beside it' },
    );
  }
}
