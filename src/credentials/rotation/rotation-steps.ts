/** The steps of a rotation, in the order of `rotate-key.ts`; each ends with its note in the journal. */
import { randomBytes } from 'node:crypto';
import { entryName } from '../../aws/key-pointer.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import type { ListedKey } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import { editFile } from '../../platform/safe-file.ts';
import type { SecretStore } from '../../platform/secrets/secret-store.ts';
import { CREDENTIALS_EDIT } from '../../aws/files/credentials-file.ts';
import { readKey } from '../stored-keys/move-key.ts';
import { withKeyLock } from '../stored-keys/move-record.ts';
import { abortRotation, removeStrangers } from './abort-rotation.ts';
import { exchangeKey, spotOf } from './exchange-key.ts';
import { rememberCreation } from './key-ages.ts';
import { removeJournal, writeJournal } from './rotation-journal.ts';
import type { JournalKey, RotationJournal } from './rotation-journal.ts';
import type { Rotation } from './rotation-world.ts';

/** Steps 1 to 3. @throws DevaccessError DA_IAM_LIMIT, DA_KEY_NOT_KEPT and those of the calls */
export async function create(
  journal: RotationJournal,
  rotation: Rotation,
): Promise<RotationJournal> {
  const { calls, world } = rotation;
  const { user, section, old, place } = journal;
  const store = rotation.vault(place, section);
  await store.prepare();
  const before = await readKey(rotation.present(), world, {});
  const client = await rotation.caller([old.accessKeyId]);
  // Of a run that was killed: a key whose secret nobody has.
  await removeStrangers(journal, rotation, client);
  const key = await calls.createKey(client, user).catch(async (error: unknown) => {
    // An answer that was lost has left a key; the SDK's own second try meets the limit then.
    const removed = await removeStrangers(journal, rotation, client).catch(() => undefined);
    // Where that cannot be told now, the journal has the next run look.
    if (removed === 0) removeJournal(section, world.env);
    if (removed !== 1) throw error;
    return calls.createKey(client, user);
  });
  const made = { accessKeyId: key.accessKeyId, entry: newEntry(section, key.accessKeyId) };
  const { secretAccessKey } = key;
  const totp = before.totp === undefined ? {} : { totp: before.totp };
  try {
    await rotation.keep(store, made.entry, {
      accessKeyId: made.accessKeyId,
      secretAccessKey,
      ...totp,
    });
    if (place === 'plain') await rotation.keep(store, old.entry, before);
  } catch (error) {
    await removeStrangers(journal, rotation, client);
    removeJournal(section, world.env);
    throw error;
  }
  if (key.createdMs !== undefined)
    await rememberCreation(key.accessKeyId, key.createdMs, world.env);
  return advance(journal, { step: 'created', new: made }, rotation);
}

/** Steps 3 to 5. @throws DevaccessError DA_KEY_NOT_WORKING, then all is taken back; DA_FILE_BUSY */
export async function write(
  journal: RotationJournal,
  rotation: Rotation,
): Promise<RotationJournal> {
  const { world } = rotation;
  const { section, place, arn, old } = journal;
  const made = madeKey(journal);
  const store = rotation.vault(place, section);
  await store.prepare();
  const secret = await rotation.kept(store, place, made);
  try {
    await rotation.verify(secret, arn);
  } catch (error) {
    if (error instanceof DevaccessError && error.code === 'DA_KEY_NOT_WORKING') {
      await abortRotation(journal, rotation);
    }
    throw error;
  }
  const before = await oldSecret(journal, rotation, store);
  const from = { spot: spotOf(place, old), secret: before };
  const to = { spot: spotOf(place, made), secret };
  await withKeyLock(world.env, () =>
    editFile(
      awsCredentialsFile(world.env),
      (text) => {
        const edited = exchangeKey(text, section, { from, to });
        // A run that was killed may have done it.
        if (edited === undefined && rotation.present().accessKeyId !== made.accessKeyId) {
          throw movedMeanwhile(journal);
        }
        return edited ?? text;
      },
      CREDENTIALS_EDIT,
    ),
  );
  return advance(journal, { step: 'written' }, rotation);
}

/** Steps 5 and 6. @throws DevaccessError DA_KEY_NOT_WORKING, DA_FILE_BUSY */
export async function deactivate(
  journal: RotationJournal,
  rotation: Rotation,
): Promise<RotationJournal> {
  const { calls, world } = rotation;
  const { user, arn, old } = journal;
  const made = madeKey(journal);
  const found = rotation.present();
  if (found.accessKeyId !== made.accessKeyId) throw movedMeanwhile(journal);
  // As the next `devaccess mfa` will read it.
  await rotation.verify(await readKey(found, world, {}), arn);
  const client = await rotation.caller([old.accessKeyId, made.accessKeyId]);
  try {
    await calls.setActive(client, { userName: user, accessKeyId: old.accessKeyId }, false);
  } catch (error) {
    // Somebody has deleted it, which is what was wanted.
    if (!hasCode(error, 'DA_IAM_NOT_FOUND')) throw error;
  }
  return advance(journal, { step: 'deactivated', deactivatedMs: world.now() }, rotation);
}

/** Step 7. @throws DevaccessError DA_KEY_STILL_USED, DA_FILE_BUSY */
export async function deleteOld(journal: RotationJournal, rotation: Rotation): Promise<void> {
  const { calls, world } = rotation;
  const { user, old, place, section } = journal;
  const made = madeKey(journal);
  if (rotation.present().accessKeyId === old.accessKeyId) throw movedMeanwhile(journal);
  const client = await rotation.caller([made.accessKeyId, old.accessKeyId]);
  const listed = await calls.listKeys(client, user);
  const former = listed.find(({ accessKeyId }) => accessKeyId === old.accessKeyId);
  if (former !== undefined) {
    await refuseUsed(former, journal, rotation);
    await calls.deleteKey(client, { userName: user, accessKeyId: old.accessKeyId });
  }
  await rotation.vault(place, section).remove(old.entry);
  if (place === 'plain') await rotation.vault(place, section).remove(made.entry);
  removeJournal(section, world.env);
}

/** That an inactive key is refused is not seen everywhere at once. */
const SPREADING_MS = 60_000;

async function refuseUsed(
  { accessKeyId, isActive }: ListedKey,
  { deactivatedMs, old, new: made }: RotationJournal,
  rotation: Rotation,
): Promise<void> {
  const suffix = accessKeyId.slice(-4);
  if (isActive) {
    throw new DevaccessError(
      'DA_KEY_STILL_USED',
      `Somebody has activated the key …${suffix} again`,
      {
        next: 'find out why; --abort takes the rotation back, or deactivate it in IAM',
      },
    );
  }
  const client = await rotation.caller([made?.accessKeyId ?? '', old.accessKeyId]);
  const use = await rotation.calls.lastUsed(client, accessKeyId);
  if (use === undefined || use.atMs <= (deactivatedMs ?? 0) + SPREADING_MS) return;
  const when = new Date(use.atMs).toISOString();
  throw new DevaccessError(
    'DA_KEY_STILL_USED',
    `The key …${suffix} was used at ${when} for ${use.service} in ${use.region}, after it was deactivated`,
    { next: 'find the program that has it; then delete the key in IAM, and run it again' },
  );
}

export async function oldSecret(
  journal: RotationJournal,
  rotation: Rotation,
  store: SecretStore = rotation.vault(journal.place, journal.section),
): Promise<LongTermSecret> {
  return rotation.kept(store, journal.place, journal.old);
}

async function advance(
  journal: RotationJournal,
  change: Partial<RotationJournal>,
  { world }: Rotation,
): Promise<RotationJournal> {
  const next = { ...journal, ...change };
  await writeJournal(next, world.env);
  return next;
}

export function newEntry(section: string, accessKeyId: string): string {
  return entryName(section, accessKeyId, randomBytes(8).toString('hex'));
}

function madeKey({ new: made }: RotationJournal): JournalKey {
  if (made === null) throw new Error('the journal has no new key');
  return made;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof DevaccessError && error.code === code;
}

export function movedMeanwhile({ section }: RotationJournal): DevaccessError {
  return new DevaccessError(
    'DA_FILE_BUSY',
    `The key of [${section}] was moved or changed while it was rotated`,
    { next: 'devaccess iam rotate-keys --abort takes the rotation back; then begin again' },
  );
}
