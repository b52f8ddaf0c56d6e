/**
 * Taking a long-term key from one place to another so that at any moment at least one complete copy
 * is where the credentials file says it is, whatever happens:
 *
 * 1. the record: what is going to be done                          (move-record.ts)
 * 2. the key is written to the new place under a name of its own, read back and compared
 * 3. the record: that is done
 * 4. one atomic edit of the credentials file: from now on the new place counts
 * 5. the key is taken out of the old place; the record goes
 *
 * Before 4 the old place counts and the new copy is thrown away by whoever finds the record, unless
 * 3 was reached: then 4 and 5 are done. For plain text, the section itself is the place.
 */
import { randomBytes } from 'node:crypto';
import { entryName } from '../../aws/key-pointer.ts';
import type { StoreKind } from '../../aws/key-pointer.ts';
import { secretText } from '../../aws/long-term-secret.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile } from '../../platform/safe-file.ts';
import type { SecretStore } from '../../platform/secrets/secret-store.ts';
import { CREDENTIALS_EDIT, readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { parseIni, sectionValues } from '../../aws/files/ini-document.ts';
import type { IniDocument } from '../../aws/files/ini-document.ts';
import { editSection } from '../../aws/files/ini-edit.ts';
import type { SectionChanges } from '../../aws/files/ini-edit.ts';
import { openStore, placeLabel } from './key-places.ts';
import type { KeyPlace, KeyWorld } from './key-places.ts';
import {
  isSameSpot,
  isShared,
  keyDigest,
  keyIn,
  plainChanges,
  storedChanges,
} from './key-section.ts';
import type { FoundKey, KeySpot } from './key-section.ts';
import { readMoveRecords, removeMoveRecord, withKeyLock, writeMoveRecord } from './move-record.ts';
import type { MoveRecord } from './move-record.ts';

export interface Transfer {
  section: string;
  /** Undefined for a key that the person has typed. */
  from: KeySpot | undefined;
  to: KeyPlace;
  secret: LongTermSecret;
  /** What else is written into the section; null removes. */
  extra?: SectionChanges;
}

export type OpenStores = Partial<Record<StoreKind, SecretStore>>;

/** What the old place could not be freed of; the next run tries again. */
export interface TransferResult {
  leftOver: DevaccessError | undefined;
}

/**
 * Takes a key to its new place. Under the key lock (`withKeyLock`).
 *
 * @param stores those that are open already
 * @throws DevaccessError DA_KEY_NOT_KEPT, DA_FILE_BUSY, those of the store and of `editFile`; then the
 *   key is where it was
 */
export async function transferKey(
  { section, from, to, secret, extra = {} }: Transfer,
  world: KeyWorld,
  stores: OpenStores,
): Promise<TransferResult> {
  const { env } = world;
  const spot = newSpot(to, section, secret);
  const hasTotp = spot.place !== 'plain' && secret.totp !== undefined;
  const digest = keyDigest(secret);
  const record = { section, from, to: spot, digest, hasTotp, isVerified: false, extra };
  await writeMoveRecord(record, env);
  try {
    if (spot.place !== 'plain') {
      await keep(storeOf(spot.place, world, stores), spot.entry, secret);
      await writeMoveRecord({ ...record, isVerified: true }, env);
    }
    await commit(record, world, secret);
  } catch (error) {
    // What fails here is tried again by the next run.
    await undo(record, world, stores).catch(() => undefined);
    throw error;
  }
  return finish(record, world, stores);
}

function newSpot(to: KeyPlace, section: string, { accessKeyId }: LongTermSecret): KeySpot {
  if (to === 'plain') return { place: 'plain' };
  return { place: to, entry: entryName(section, accessKeyId, randomBytes(8).toString('hex')) };
}

async function keep(store: SecretStore, entry: string, secret: LongTermSecret): Promise<void> {
  const text = secretText(secret);
  await store.write(entry, text);
  if ((await store.read(entry)) === text) return;
  throw new DevaccessError('DA_KEY_NOT_KEPT', `${store.label} gives back another key than it got`, {
    next: 'use another place: --to file, --store file',
  });
}

/** Makes the new place count. @param secret what a plain section gets */
async function commit(
  record: MoveRecord,
  { env }: KeyWorld,
  secret: LongTermSecret | undefined,
): Promise<void> {
  const { section, to, hasTotp, extra } = record;
  const file = awsCredentialsFile(env);
  const edit = (text: string): string => {
    if (!isBefore(record, parseIni(text))) throw changed(record, env);
    const changes = to.place === 'plain' ? plainChanges(given(secret)) : storedChanges(to, hasTotp);
    return editSection(text, section, { ...changes, ...extra });
  };
  await editFile(file, edit, CREDENTIALS_EDIT);
}

function given(secret: LongTermSecret | undefined): LongTermSecret {
  if (secret === undefined) throw new Error('a key for plain text must be at hand');
  return secret;
}

/** The new place counts: takes the key out of the old one, after another look at the file. */
async function finish(
  record: MoveRecord,
  world: KeyWorld,
  stores: OpenStores,
): Promise<TransferResult> {
  const { from, section } = record;
  try {
    const document = readCredentialsFile(world.env);
    if (!isCommitted(record, document)) throw changed(record, world.env);
    if (from !== undefined && from.place !== 'plain' && !isShared(document, section, from.entry)) {
      await storeOf(from.place, world, stores).remove(from.entry);
    }
    removeMoveRecord(record, world.env);
    return { leftOver: undefined };
  } catch (error) {
    if (error instanceof DevaccessError) return { leftOver: error };
    throw error;
  }
}

/** Nothing was committed: takes the copy out of the new place. */
async function undo(record: MoveRecord, world: KeyWorld, stores: OpenStores): Promise<void> {
  // Committed after all, such as when another program was in the way of the look at it.
  if (isCommitted(record, readCredentialsFile(world.env))) return;
  const { to } = record;
  if (to.place !== 'plain') await storeOf(to.place, world, stores).remove(to.entry);
  removeMoveRecord(record, world.env);
}

function storeOf(kind: StoreKind, world: KeyWorld, stores: OpenStores): SecretStore {
  return stores[kind] ?? openStore(kind, world);
}

/** Whether the old place counts, with the key that was read from it. */
function isBefore({ section, from, digest }: MoveRecord, document: IniDocument): boolean {
  if (from === undefined) return sectionValues(document, section) === undefined;
  return isAt(from, digest, foundIn(document, section));
}

function isCommitted({ section, to, digest }: MoveRecord, document: IniDocument): boolean {
  return isAt(to, digest, foundIn(document, section));
}

/** The name of a key in a store is its own; one in plain text is compared. */
function isAt(spot: KeySpot, digest: string, found: FoundKey | undefined): boolean {
  if (found === undefined || !isSameSpot(found.spot, spot)) return false;
  return found.plain === undefined || keyDigest(found.plain) === digest;
}

/** Undefined also for a section that says two things at once. */
function foundIn(document: IniDocument, section: string): FoundKey | undefined {
  try {
    return keyIn(sectionValues(document, section), section);
  } catch {
    return undefined;
  }
}

function changed({ section }: MoveRecord, env: Environment): DevaccessError {
  return new DevaccessError(
    'DA_FILE_BUSY',
    `Another program changed [${section}] of ${awsCredentialsFile(env)} while its key was moved`,
    { next: 'run the command again' },
  );
}

/**
 * Finishes what a crash has interrupted, or takes it back. Asks nothing.
 *
 * @param waitMs how long for a process that moves a key right now
 * @returns what was done, for the person
 * @throws DevaccessError DA_FILE_BUSY and those of stores; what is left to do stays recorded
 */
export async function settleMoves(world: KeyWorld, waitMs?: number): Promise<string[]> {
  if (readMoveRecords(world.env).length === 0) return [];
  const settleAll = async (): Promise<string[]> => {
    const done: string[] = [];
    for (const record of readMoveRecords(world.env)) done.push(await settle(record, world));
    return done;
  };
  return withKeyLock(world.env, settleAll, waitMs);
}

async function settle(record: MoveRecord, world: KeyWorld): Promise<string> {
  const { section, to, isVerified } = record;
  const where = placeLabel(to.place, world.env);
  const document = readCredentialsFile(world.env);
  if (!isCommitted(record, document)) {
    if (!isBefore(record, document)) {
      removeMoveRecord(record, world.env);
      return `[${section}] was changed while its key was on its way to ${where}, where a copy may be left`;
    }
    if (!isVerified || to.place === 'plain') {
      await undo(record, world, {});
      return `An interrupted move of the key of [${section}] to ${where} was taken back`;
    }
    await commit(record, world, undefined);
  }
  const { leftOver } = await finish(record, world, {});
  if (leftOver !== undefined) throw leftOver;
  return `An interrupted move of the key of [${section}] to ${where} was finished`;
}
