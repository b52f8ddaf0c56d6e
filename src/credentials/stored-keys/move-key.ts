import { readSecretText } from '../../aws/long-term-secret.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import type { OwnProgram } from '../../aws/process-line.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { checkEditable } from '../../platform/safe-file.ts';
import { CREDENTIALS_EDIT, readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { refuseBroken } from '../../aws/files/ini-edit.ts';
import type { SectionChanges } from '../../aws/files/ini-edit.ts';
import { openStore } from './key-places.ts';
import type { KeyPlace, KeyWorld } from './key-places.ts';
import { findKey, isSameSpot } from './key-section.ts';
import type { FoundKey } from './key-section.ts';
import { settleMoves, transferKey } from './key-transfer.ts';
import type { OpenStores } from './key-transfer.ts';
import { withKeyLock } from './move-record.ts';
import { plainCopies } from './plain-copies.ts';
import { processLine } from '../process-profile.ts';
import { pointerOf } from '../section-pointer.ts';

export interface KeyQuery {
  /** As chosen by `chooseProfile`. */
  profile: string;
  longTermSuffix: string | undefined;
}

export interface MoveRequest extends KeyQuery {
  to: KeyPlace;
  /** Have other AWS tools ask devaccess for the key (`credential_process`). */
  forTools: OwnProgram | undefined;
}

/** What `devaccess login move --json` prints. Holds no secret. */
export interface MoveResult {
  profile: string;
  section: string;
  action: 'moved' | 'unchanged';
  from: KeyPlace;
  to: KeyPlace;
  /** Last four characters. */
  accessKeyIdSuffix: string;
  /** Where the secret still is in plain text: `PATH line N`. */
  plainCopies: string[];
  /** Why the old place could not be freed of the key yet, which the next run will try again. */
  leftOver: string | null;
}

/** Somebody else may move the same key meanwhile. */
const TRIES = 3;

/**
 * Moves a long-term key to another place, with the seed of its MFA device.
 *
 * @throws DevaccessError DA_NO_LONG_TERM_KEY, DA_TOTP_PLAIN, DA_TWO_KEYS, DA_KEY_POINTER and those of
 *   `transferKey`; then the key is where it was
 */
export async function moveKey(
  request: MoveRequest,
  world: KeyWorld & { say: (text: string) => void },
): Promise<MoveResult> {
  const { profile, to } = request;
  for (const done of await settleMoves(world)) world.say(done);
  for (let tries = 1; ; tries += 1) {
    const found = findIn(request, world.env);
    const { section } = found;
    const from = found.spot.place;
    const same = { profile, section, from, to, accessKeyIdSuffix: found.accessKeyId.slice(-4) };
    if (from === to) {
      return { ...same, action: 'unchanged', plainCopies: [], leftOver: null };
    }
    if (to === 'plain' && found.hasTotp) throw totpIsSecret(section);
    checkEditable(awsCredentialsFile(world.env), CREDENTIALS_EDIT);
    // Whoever is asked for something is asked before the lock.
    const stores = await openBoth([from, to], world);
    const moved = await withKeyLock(world.env, async () => {
      const present = findIn(request, world.env);
      if (present.section !== section || !isSameSpot(present.spot, found.spot)) return undefined;
      const secret = await readKey(present, world, stores);
      if (to === 'plain' && secret.totp !== undefined) throw totpIsSecret(section);
      const extra = processChanges(request, section, world.env);
      const { leftOver } = await transferKey(
        { section, from: present.spot, to, secret, extra },
        world,
        stores,
      );
      const copies = to === 'plain' ? [] : plainCopies(secret.secretAccessKey, world.env);
      return { plainCopies: copies, leftOver: leftOver?.message ?? null };
    });
    if (moved !== undefined) return { ...same, action: 'moved', ...moved };
    if (tries >= TRIES) throw keepsMoving(section);
  }
}

/** @throws DevaccessError DA_AWS_FILE_INVALID and those of `findKey` */
export function findIn({ profile, longTermSuffix }: KeyQuery, env: Environment): FoundKey {
  const file = awsCredentialsFile(env);
  const document = readCredentialsFile(env);
  refuseBroken(document, file);
  return findKey(document, file, profile, longTermSuffix);
}

export async function openBoth(places: readonly KeyPlace[], world: KeyWorld): Promise<OpenStores> {
  const stores: OpenStores = {};
  for (const place of places) {
    if (place === 'plain') continue;
    const store = openStore(place, world);
    await store.prepare();
    stores[place] = store;
  }
  return stores;
}

/** The whole secret of a key, from wherever it is. */
export async function readKey(
  { spot, plain, section }: FoundKey,
  world: KeyWorld,
  stores: OpenStores,
): Promise<LongTermSecret> {
  if (plain !== undefined || spot.place === 'plain') {
    if (plain === undefined) throw new Error(`[${section}] is plain and has no key`);
    return plain;
  }
  const pointer = pointerOf(sectionValues(readCredentialsFile(world.env), section));
  if (pointer === undefined) throw keepsMoving(section);
  const store = stores[pointer.store] ?? openStore(pointer.store, world);
  return readSecretText(await store.read(pointer.entry), pointer, store.label);
}

/** A line of ours goes with the key; those that a person has written stay. */
function processChanges(
  { to, forTools }: MoveRequest,
  section: string,
  env: Environment,
): SectionChanges {
  if (forTools !== undefined && to !== 'plain') {
    return { credential_process: processLine(section, forTools) };
  }
  const values = sectionValues(readCredentialsFile(env), section);
  const isOurs = values
    ?.get('credential_process')
    ?.endsWith(` credential-process --profile ${section}`);
  return isOurs === true && to === 'plain' ? { credential_process: null } : {};
}

function totpIsSecret(section: string): DevaccessError {
  return new DevaccessError(
    'DA_TOTP_PLAIN',
    `The seed of the MFA device lies with the key of [${section}], and is not written in plain text`,
    { next: 'devaccess login totp --remove, then move the key' },
  );
}

function keepsMoving(section: string): DevaccessError {
  return new DevaccessError('DA_FILE_BUSY', `Another program moves the key of [${section}], too`, {
    next: 'run the command again when it is done',
  });
}
