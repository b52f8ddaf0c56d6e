/**
 * What a section of the credentials file says in place of a long-term key that lies elsewhere. None
 * of it is secret:
 *
 *     devaccess_store = keychain | file
 *     devaccess_entry = SECTION/ACCESS-KEY-ID/RANDOM    its name there
 *     devaccess_totp = stored                           with the seed of the MFA device
 */

export const STORE_KEY = 'devaccess_store';
export const ENTRY_KEY = 'devaccess_entry';
export const TOTP_KEY = 'devaccess_totp';

/** The places for a long-term key other than the credentials file. */
export type StoreKind = 'keychain' | 'file';

export interface KeyPointer {
  store: StoreKind;
  entry: string;
  accessKeyId: string;
  /** Whether the seed of the MFA device lies there, too. */
  hasTotp: boolean;
}

/** Section names may hold slashes. */
const ENTRY = /^[\w\-@+.%:/]+\/(\w{16,128})\/[0-9a-f]{16}$/;

/**
 * Reads what a section says; undefined where it says nothing, or nothing that this version knows.
 *
 * @param setting a value of the section, without an inline comment
 */
export function keyPointer(setting: (key: string) => string | undefined): KeyPointer | undefined {
  const store = setting(STORE_KEY);
  const entry = setting(ENTRY_KEY) ?? '';
  const accessKeyId = ENTRY.exec(entry)?.[1];
  if ((store !== 'keychain' && store !== 'file') || accessKeyId === undefined) return undefined;
  return { store, entry, accessKeyId, hasTotp: setting(TOTP_KEY) !== undefined };
}

/** A name that no other secret ever had. @param random 16 hexadecimal digits */
export function entryName(section: string, accessKeyId: string, random: string): string {
  return `${section}/${accessKeyId}/${random}`;
}
