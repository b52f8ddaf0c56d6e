/**
 * Rotation of a user's own access key (7.5 of the IAM facts). Each step is journalled before the next:
 *
 * 1. journal `creating`; IAM makes the new key
 * 2. its secret is kept and read back (in the place of the old one; for plain text in a recovery file)
 * 3. journal `created`; AWS is asked who the new key is, until it knows
 * 4. one atomic edit of the credentials file: from now on the new key counts
 * 5. journal `written`; the key is read from where the file says it is, and tried again
 * 6. the old key is deactivated; journal `deactivated`
 * 7. after the grace period, in a later run, it is deleted; the journal goes
 *
 * The key that the section names is active at every moment. Until 7 all can be taken back.
 */
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import type { ListedKey } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import { checkEditable, readTextFile } from '../../platform/safe-file.ts';
import { CREDENTIALS_EDIT } from '../../aws/files/credentials-file.ts';
import { userOf } from '../own-user/user-access.ts';
import type { KeySpot } from '../stored-keys/key-section.ts';
import { settleMoves } from '../stored-keys/key-transfer.ts';
import type { KeyPlace } from '../stored-keys/key-places.ts';
import { readKey } from '../stored-keys/move-key.ts';
import type { KeyQuery } from '../stored-keys/move-key.ts';
import { plainCopies } from '../stored-keys/plain-copies.ts';
import { abortRotation } from './abort-rotation.ts';
import { exchangeKey } from './exchange-key.ts';
import { knownCreation, rememberCreation } from './key-ages.ts';
import { readJournal, withRotationLock, writeJournal } from './rotation-journal.ts';
import type { JournalKey, RotationJournal } from './rotation-journal.ts';
import {
  create,
  deactivate,
  deleteOld,
  movedMeanwhile,
  newEntry,
  oldSecret,
  write,
} from './rotation-steps.ts';
import { Rotation } from './rotation-world.ts';
import type { RotationWorld } from './rotation-world.ts';

export interface RotationRequest extends KeyQuery {
  /** Begins a rotation where there is none; goes on with one; takes one back. */
  mode: 'usual' | 'resume' | 'abort';
  /** A younger key is left alone. */
  maxAgeMs: number | undefined;
  /** How long an old key stays, inactive, before it is deleted. */
  graceMs: number;
  /** Delete an inactive second key, which would be in the way. */
  deletesInactive: boolean;
}

/** What `devaccess iam rotate-keys --json` prints. Holds no secret. */
export interface RotationResult {
  profile: string;
  section: string;
  /**
   * `young`: left alone. `rotated`: the old key is deactivated. `waiting`: it was before, and its deletion
   * is not due. `finished`: it is deleted. `aborted`: taken back. `nothing`: there is no rotation.
   */
  action: 'young' | 'rotated' | 'waiting' | 'finished' | 'aborted' | 'nothing';
  place: KeyPlace;
  /** Last four characters of the key that the section names. */
  accessKeyIdSuffix: string;
  /** Of the one that goes, or has gone. */
  formerSuffix: string | null;
  /** ISO 8601, of the key in use; null where nobody has told. */
  created: string | null;
  /** ISO 8601: from then on a run deletes the old key. */
  deletionDue: string | null;
  /** Where the old secret still is in plain text: `PATH line N`. */
  plainCopies: string[];
}

/** What a run goes by. */
interface Run {
  rotation: Rotation;
  request: RotationRequest;
}

/**
 * Rotates the access key of a profile's user, goes on with a rotation that was interrupted, or takes it
 * back.
 *
 * @throws DevaccessError DA_TWO_ACCESS_KEYS, DA_KEY_NOT_WORKING, DA_KEY_STILL_USED, DA_NOT_A_USER,
 *   DA_ROTATION_DAMAGED, DA_FILE_BUSY, and those of signing in, of IAM, and of the places for keys
 */
export async function rotateKey(
  request: RotationRequest,
  world: RotationWorld,
): Promise<RotationResult> {
  const rotation = new Rotation(request, world);
  for (const done of await settleMoves(world)) world.say(done);
  const { section, accessKeyId } = rotation.present();
  const { maxAgeMs = 0, mode } = request;
  const createdMs = knownCreation(accessKeyId, world.env);
  const isYoung = createdMs !== undefined && world.now() - createdMs < maxAgeMs;
  if (isYoung && mode === 'usual' && readJournal(section, world.env) === undefined) {
    return result({ rotation, request }, 'young');
  }
  return withRotationLock(section, world.env, () => turn({ rotation, request }, section));
}

async function turn(run: Run, section: string): Promise<RotationResult> {
  const { rotation, request } = run;
  const journal = readJournal(section, rotation.world.env);
  if (journal === undefined) {
    if (request.mode !== 'usual') return result(run, 'nothing');
    const begun = await begin(run);
    return begun === undefined ? result(run, 'young') : forward(begun, run);
  }
  if (journal.isAborted || request.mode === 'abort') {
    await abortRotation(journal, rotation);
    return result(run, 'aborted', journal.new);
  }
  return forward(journal, run);
}

function result(
  { rotation, request }: Run,
  action: RotationResult['action'],
  former: JournalKey | null = null,
  more: Partial<RotationResult> = {},
): RotationResult {
  const { section, spot, accessKeyId } = rotation.present();
  const createdMs = knownCreation(accessKeyId, rotation.world.env);
  return {
    profile: request.profile,
    section,
    action,
    place: spot.place,
    accessKeyIdSuffix: accessKeyId.slice(-4),
    formerSuffix: former?.accessKeyId.slice(-4) ?? null,
    created: createdMs === undefined ? null : new Date(createdMs).toISOString(),
    deletionDue: null,
    plainCopies: [],
    ...more,
  };
}

/** All that can be in the way is found before a key is made. @returns undefined for a young key */
async function begin({ rotation, request }: Run): Promise<RotationJournal | undefined> {
  const { world, calls } = rotation;
  const found = rotation.present();
  const client = await rotation.caller([found.accessKeyId]);
  const { arn } = await calls.identity(client);
  const user = userOf(arn);
  const listed = await calls.listKeys(client, user.name);
  const own = listed.find(({ accessKeyId }) => accessKeyId === found.accessKeyId);
  if (own?.createdMs !== undefined) {
    await rememberCreation(own.accessKeyId, own.createdMs, world.env);
    if (world.now() - own.createdMs < (request.maxAgeMs ?? 0)) return undefined;
  }
  if (own === undefined) throw notOfUser(found.accessKeyId, user.name);
  for (const other of listed.filter((each) => each !== own)) {
    if (other.isActive || !request.deletesInactive) {
      throw await twoKeys(own, other, user.name, rotation, found.section);
    }
    await calls.deleteKey(client, { userName: user.name, accessKeyId: other.accessKeyId });
    world.say(`the inactive key …${other.accessKeyId.slice(-4)} is deleted`);
  }
  const { section, spot } = found;
  checkEditable(awsCredentialsFile(world.env), CREDENTIALS_EDIT);
  const store = rotation.vault(spot.place, section);
  await store.prepare();
  const secret = await readKey(found, world, {});
  rehearse({ spot, secret }, section, rotation);
  const entry = spot.place === 'plain' ? newEntry(section, found.accessKeyId) : spot.entry;
  const journal: RotationJournal = {
    version: 1,
    section,
    step: 'creating',
    isAborted: false,
    user: user.name,
    arn,
    place: spot.place,
    startedMs: world.now(),
    old: { accessKeyId: found.accessKeyId, entry },
    new: null,
    deactivatedMs: null,
  };
  await writeJournal(journal, world.env);
  return journal;
}

function rehearse(
  from: { spot: KeySpot; secret: LongTermSecret },
  section: string,
  { world }: Rotation,
): void {
  const to = { spot: from.spot, secret: { ...from.secret, secretAccessKey: 'rehearsal' } };
  exchangeKey(readTextFile(awsCredentialsFile(world.env)) ?? '', section, { from, to });
}

/** From wherever it is to the deactivated old key, or where that is due, to its deletion. */
async function forward(begun: RotationJournal, run: Run): Promise<RotationResult> {
  const { rotation, request } = run;
  const { world } = rotation;
  let journal = begun;
  const wasDeactivated = journal.step === 'deactivated';
  if (journal.place !== placeNow(rotation, journal)) throw movedMeanwhile(journal);
  if (journal.step === 'creating') journal = await create(journal, rotation);
  if (journal.step === 'created') journal = await write(journal, rotation);
  let copies: string[] = [];
  if (journal.step === 'written') {
    const old = await oldSecret(journal, rotation);
    copies = plainCopies(old.secretAccessKey, world.env);
    journal = await deactivate(journal, rotation);
  }
  const dueMs = (journal.deactivatedMs ?? 0) + request.graceMs;
  if (world.now() < dueMs) {
    const deletionDue = new Date(dueMs).toISOString();
    const action = wasDeactivated ? 'waiting' : 'rotated';
    return result(run, action, journal.old, { deletionDue, plainCopies: copies });
  }
  await deleteOld(journal, rotation);
  return result(run, 'finished', journal.old, { plainCopies: copies });
}

/** After a move the section may have its key elsewhere than the journal says. */
function placeNow(rotation: Rotation, { place, step }: RotationJournal): KeyPlace {
  // Where the old key was plays no part any more.
  return step === 'deactivated' ? place : rotation.present().spot.place;
}

function notOfUser(accessKeyId: string, user: string): DevaccessError {
  return new DevaccessError(
    'DA_KEY_NOT_WORKING',
    `IAM lists no key …${accessKeyId.slice(-4)} of ${user}, whose session this is`,
    { next: 'run devaccess mfa --force, or look into IAM whose key it is' },
  );
}

/** Both are told, as one of them has to go. */
async function twoKeys(
  own: ListedKey,
  other: ListedKey,
  user: string,
  rotation: Rotation,
  section: string,
): Promise<DevaccessError> {
  const client = await rotation.caller([own.accessKeyId]);
  const use = await rotation.calls.lastUsed(client, other.accessKeyId).catch(() => undefined);
  const used =
    use === undefined
      ? 'no use of it is known'
      : `last used ${new Date(use.atMs).toISOString()} for ${use.service} in ${use.region}`;
  const state = other.isActive ? 'active' : 'inactive';
  const [ownEnd, otherEnd] = [own, other].map(({ accessKeyId }) => accessKeyId.slice(-4));
  return new DevaccessError(
    'DA_TWO_ACCESS_KEYS',
    `${user} has two access keys, and IAM allows no third: …${ownEnd ?? ''} of [${section}], and …${otherEnd ?? ''} (${state}; ${used})`,
    {
      next: other.isActive
        ? 'find out who uses the other one, and deactivate it in IAM'
        : '--delete-inactive deletes the other one',
    },
  );
}
