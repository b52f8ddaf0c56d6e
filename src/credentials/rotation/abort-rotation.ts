import { isLostKey } from '../../aws/access-keys.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import { editFile } from '../../platform/safe-file.ts';
import { CREDENTIALS_EDIT } from '../../aws/files/credentials-file.ts';
import { readKey } from '../stored-keys/move-key.ts';
import { withKeyLock } from '../stored-keys/move-record.ts';
import { exchangeKey, spotOf } from './exchange-key.ts';
import { removeJournal, writeJournal } from './rotation-journal.ts';
import type { RotationJournal } from './rotation-journal.ts';
import type { Rotation } from './rotation-world.ts';

/**
 * Takes a rotation back: the old key is active and named by the section again before the new one goes.
 * Every step can be done twice, so that a run that was killed here is gone on with.
 *
 * @throws DevaccessError as the steps do; what is done stays noted
 */
export async function abortRotation(begun: RotationJournal, rotation: Rotation): Promise<void> {
  const { world, calls } = rotation;
  await writeJournal({ ...begun, isAborted: true }, world.env);
  const journal = await followMove({ ...begun, isAborted: true }, rotation);
  const { section, place, user, old, new: made } = journal;
  const keyIds = [old.accessKeyId, ...(made === null ? [] : [made.accessKeyId])];
  if (made === null) {
    try {
      await removeStrangers(journal, rotation, await rotation.caller(keyIds));
    } catch (error) {
      // What somebody else has made is left to them.
      if (!(error instanceof DevaccessError) || error.code !== 'DA_TWO_ACCESS_KEYS') throw error;
      world.say(error.message);
    }
    removeJournal(section, world.env);
    return;
  }
  const store = rotation.vault(place, section);
  if (rotation.present().accessKeyId === made.accessKeyId) {
    await store.prepare();
    await reactivate(journal, rotation, keyIds);
  }
  const client = await rotation.caller(keyIds);
  try {
    await calls.deleteKey(client, { userName: user, accessKeyId: made.accessKeyId });
  } catch (error) {
    const isGone = error instanceof DevaccessError && error.code === 'DA_IAM_NOT_FOUND';
    if (!isGone) throw error;
  }
  await store.remove(made.entry);
  if (place === 'plain') await store.remove(old.entry);
  removeJournal(section, world.env);
}

/**
 * Where the login was moved meanwhile, the old key goes to where the new one is now: out of plain text, or
 * into it, as its owner wanted. Under the same name in every place, so that it can be done twice.
 */
async function followMove(journal: RotationJournal, rotation: Rotation): Promise<RotationJournal> {
  const { section, place: before, old, new: made } = journal;
  const { accessKeyId, spot } = rotation.present();
  if (made?.accessKeyId !== accessKeyId) return journal;
  const entry = spot.place === 'plain' ? made.entry : spot.entry;
  if (spot.place === before && entry === made.entry) return journal;
  const [from, to] = [rotation.vault(before, section), rotation.vault(spot.place, section)];
  await from.prepare();
  await to.prepare();
  if (from !== to) await rotation.keep(to, old.entry, await rotation.kept(from, before, old));
  const moved = { ...journal, place: spot.place, new: { accessKeyId, entry } };
  await writeJournal(moved, rotation.world.env);
  if (from !== to) await from.remove(old.entry);
  if (before === 'plain') await from.remove(made.entry);
  return moved;
}

/** The new key stays in the section until the old one is known to work. */
async function reactivate(
  journal: RotationJournal,
  rotation: Rotation,
  keyIds: readonly string[],
): Promise<void> {
  const { world, calls } = rotation;
  const { section, place, user, arn, old, new: made } = journal;
  if (made === null) return;
  const store = rotation.vault(place, section);
  const before = await rotation.kept(store, place, old);
  const present = rotation.present();
  const secret = await readKey(present, world, {});
  const client = await rotation.caller(keyIds);
  try {
    await calls.setActive(client, { userName: user, accessKeyId: old.accessKeyId }, true);
  } catch (error) {
    if (!(error instanceof DevaccessError) || error.code !== 'DA_IAM_NOT_FOUND') throw error;
    await writeJournal({ ...journal, isAborted: false }, world.env);
    throw new DevaccessError(
      'DA_ROTATION_OVER',
      `The key …${old.accessKeyId.slice(-4)} has been deleted: there is nothing to go back to`,
      { next: 'devaccess iam rotate-keys --resume ends the rotation', cause: error },
    );
  }
  await rotation.verify(before, arn);
  const from = { spot: present.spot, secret };
  const to = { spot: spotOf(place, old), secret: before };
  await withKeyLock(world.env, () =>
    editFile(
      awsCredentialsFile(world.env),
      (text) => {
        const edited = exchangeKey(text, section, { from, to });
        if (edited !== undefined) return edited;
        throw new DevaccessError(
          'DA_FILE_BUSY',
          `The key of [${section}] was moved or changed while its rotation was taken back`,
          {
            next: 'move it back to where it was, then run devaccess iam rotate-keys --abort again',
          },
        );
      },
      CREDENTIALS_EDIT,
    ),
  );
}

/**
 * Deletes what IAM has made and nobody has the secret of: a key that came after the journal, beside the one
 * that was there, never used.
 *
 * @returns how many
 * @throws DevaccessError DA_TWO_ACCESS_KEYS for one that somebody else has made
 */
export async function removeStrangers(
  { user, old, startedMs }: RotationJournal,
  { calls, world }: Rotation,
  client: ClientOptions,
): Promise<number> {
  const listed = await calls.listKeys(client, user);
  const strangers = listed.filter(({ accessKeyId }) => accessKeyId !== old.accessKeyId);
  for (const stranger of strangers) {
    const { accessKeyId } = stranger;
    const suffix = accessKeyId.slice(-4);
    const isOurs = await isLostKey(stranger, startedMs, (id) => calls.lastUsed(client, id));
    if (!isOurs) {
      throw new DevaccessError(
        'DA_TWO_ACCESS_KEYS',
        `${user} has a second access key, …${suffix}, which was not made here`,
        { next: 'find out whose it is, and delete it in IAM; --abort ends the rotation' },
      );
    }
    await calls.deleteKey(client, { userName: user, accessKeyId });
    world.say(`the key …${suffix}, whose secret was lost on the way, is deleted`);
  }
  return strangers.length;
}
