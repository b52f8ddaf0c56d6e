import { SOURCE_KEY, markerWithKey } from '../../aws/session-source.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import { parseIni, sectionValues } from '../../aws/files/ini-document.ts';
import { editSection } from '../../aws/files/ini-edit.ts';
import type { SectionChanges } from '../../aws/files/ini-edit.ts';
import { isSameSpot, keyIn, plainChanges, storedChanges } from '../stored-keys/key-section.ts';
import type { FoundKey, KeySpot } from '../stored-keys/key-section.ts';
import type { KeyPlace } from '../stored-keys/key-places.ts';
import type { JournalKey } from './rotation-journal.ts';

/** A key, and where the credentials file has it or is to have it. */
export interface PlacedKey {
  spot: KeySpot;
  secret: LongTermSecret;
}

/**
 * The credentials file with one key in the place of another, in every section that has it; sessions that
 * were made from the one count as made from the other. Pure.
 *
 * @returns undefined where `section` does not have the key `from`
 */
export function exchangeKey(
  text: string,
  section: string,
  { from, to }: { from: PlacedKey; to: PlacedKey },
): string | undefined {
  const names = parseIni(text).sections.map(({ name }) => name);
  const holders = names.filter((name) => isHeld(from, keyOf(text, name)));
  if (!holders.includes(section)) return undefined;
  let edited = text;
  for (const name of holders) edited = editSection(edited, name, changesFor(to));
  const keys = { from: from.secret.accessKeyId, to: to.secret.accessKeyId };
  for (const name of names) {
    const values = sectionValues(parseIni(edited), name);
    const sessionKeyId = values?.get('aws_access_key_id') ?? '';
    const marker = markerWithKey(values?.get(SOURCE_KEY), sessionKeyId, keys);
    if (marker !== undefined) edited = editSection(edited, name, { [SOURCE_KEY]: marker });
  }
  return edited;
}

function changesFor({ spot, secret }: PlacedKey): SectionChanges {
  if (spot.place === 'plain') return plainChanges(secret);
  return storedChanges(spot, secret.totp !== undefined);
}

function isHeld({ spot, secret }: PlacedKey, found: FoundKey | undefined): boolean {
  if (found === undefined || !isSameSpot(found.spot, spot)) return false;
  // Somebody may have corrected the secret by hand: what is not ours is not touched.
  const isSame = found.plain?.secretAccessKey === secret.secretAccessKey;
  return found.accessKeyId === secret.accessKeyId && (found.plain === undefined || isSame);
}

function keyOf(text: string, name: string): FoundKey | undefined {
  try {
    return keyIn(sectionValues(parseIni(text), name), name);
  } catch {
    return undefined;
  }
}

/** Where a journalled key is when the section names it. */
export function spotOf(place: KeyPlace, { entry }: JournalKey): KeySpot {
  return place === 'plain' ? { place } : { place, entry };
}
