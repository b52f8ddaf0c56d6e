import { keyPointer, STORE_KEY } from '../aws/key-pointer.ts';
import type { KeyPointer } from '../aws/key-pointer.ts';
import { DevaccessError } from '../platform/errors.ts';
import { plainSetting } from './profiles.ts';

type Values = ReadonlyMap<string, string>;

/** Where a section says its long-term key is, if not in the section itself. */
export function pointerOf(section: Values | undefined): KeyPointer | undefined {
  return keyPointer((key) => plainSetting(section, key));
}

/** A section that says its key is elsewhere, in words that this version does not know. */
export function hasUnknownPointer(section: Values | undefined): boolean {
  return section?.has(STORE_KEY) === true && pointerOf(section) === undefined;
}

/** @throws DevaccessError DA_KEY_POINTER */
export function refuseUnknownPointer(section: Values | undefined, name: string): void {
  if (!hasUnknownPointer(section)) return;
  throw new DevaccessError(
    'DA_KEY_POINTER',
    `[${name}] says that its key is elsewhere, and this devaccess does not understand where`,
    { next: 'update devaccess, or correct devaccess_store and devaccess_entry' },
  );
}
