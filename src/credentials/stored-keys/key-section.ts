/** A long-term key in its section of the credentials file: finding it, and saying where it is. */
import { createHash } from 'node:crypto';
import { ENTRY_KEY, STORE_KEY, TOTP_KEY } from '../../aws/key-pointer.ts';
import type { StoreKind } from '../../aws/key-pointer.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import type { IniDocument } from '../../aws/files/ini-document.ts';
import type { SectionChanges } from '../../aws/files/ini-edit.ts';
import { longTermName } from '../mfa-choices.ts';
import type { LongTermKey } from '../mfa-choices.ts';
import { plainSetting } from '../profiles.ts';
import { pointerOf, refuseUnknownPointer } from '../section-pointer.ts';

type Values = ReadonlyMap<string, string>;

/** Where a key is: in the section itself, or in a store under a name. */
export type KeySpot = { place: 'plain' } | { place: StoreKind; entry: string };

/** A key found in a section. */
export interface FoundKey {
  section: string;
  spot: KeySpot;
  accessKeyId: string;
  /** Of a key in plain text. */
  plain: LongTermKey | undefined;
  hasTotp: boolean;
}

/**
 * The long-term key of a profile: of `[P-long-term]`, by the suffix; or where there is none, of a
 * `[P]` that holds one itself.
 *
 * @throws DevaccessError DA_NO_LONG_TERM_KEY, DA_KEY_POINTER, DA_TWO_KEYS
 */
export function findKey(
  document: IniDocument,
  file: string,
  profile: string,
  suffix: string | undefined,
): FoundKey {
  const named = longTermName(profile, suffix);
  const names = suffix === undefined || suffix === '' ? [named, profile] : [named];
  for (const section of names) {
    const found = keyIn(sectionValues(document, section), section);
    if (found !== undefined) return found;
  }
  throw new DevaccessError(
    'DA_NO_LONG_TERM_KEY',
    `${file} has no long-term key in ${names.map((name) => `[${name}]`).join(' or ')}`,
    { next: 'devaccess login setup sets one up' },
  );
}

/** The long-term key of a section; undefined where it has none. @throws as `findKey` */
export function keyIn(values: Values | undefined, section: string): FoundKey | undefined {
  if (values === undefined || values.has('aws_session_token')) return undefined;
  refuseUnknownPointer(values, section);
  const pointer = pointerOf(values);
  const accessKeyId = plainSetting(values, 'aws_access_key_id');
  const secretAccessKey = plainSetting(values, 'aws_secret_access_key');
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    if (pointer !== undefined) throw twoKeys(section);
    const plain = { accessKeyId, secretAccessKey };
    return { section, spot: { place: 'plain' }, accessKeyId, plain, hasTotp: false };
  }
  if (pointer === undefined) return undefined;
  const { store: place, entry, hasTotp } = pointer;
  return {
    section,
    spot: { place, entry },
    accessKeyId: pointer.accessKeyId,
    plain: undefined,
    hasTotp,
  };
}

function twoKeys(section: string): DevaccessError {
  return new DevaccessError(
    'DA_TWO_KEYS',
    `[${section}] has a key in plain text, and says that its key is elsewhere`,
    { next: 'remove the lines of the one that does not count: devaccess_* or aws_*_key*' },
  );
}

/** What is written into a section for a key that lies in a store. */
export function storedChanges(
  spot: { place: StoreKind; entry: string },
  hasTotp: boolean,
): SectionChanges {
  return {
    aws_access_key_id: null,
    aws_secret_access_key: null,
    [STORE_KEY]: spot.place,
    [ENTRY_KEY]: spot.entry,
    [TOTP_KEY]: hasTotp ? 'stored' : null,
  };
}

/** What is written into a section for a key that lies in it. */
export function plainChanges({ accessKeyId, secretAccessKey }: LongTermKey): SectionChanges {
  return {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    [STORE_KEY]: null,
    [ENTRY_KEY]: null,
    [TOTP_KEY]: null,
  };
}

export function isSameSpot(one: KeySpot, other: KeySpot): boolean {
  if (one.place === 'plain' || other.place === 'plain') return one.place === other.place;
  return one.place === other.place && one.entry === other.entry;
}

/** Whether another section says that its key is there, too: somebody has copied one. */
export function isShared(document: IniDocument, section: string, entry: string): boolean {
  return document.sections.some(
    ({ name }) => name !== section && pointerOf(sectionValues(document, name))?.entry === entry,
  );
}

/** Tells keys apart without telling them: a secret has too many bits to be guessed from it. */
export function keyDigest({ accessKeyId, secretAccessKey }: LongTermKey): string {
  return createHash('sha256').update(`devaccess\0${accessKeyId}\0${secretAccessKey}`).digest('hex');
}
