import { DevaccessError } from '../platform/errors.ts';
import type { KeyPointer } from './key-pointer.ts';

/** A long-term key, as a keychain or an encrypted file holds it. */
export interface LongTermSecret {
  accessKeyId: string;
  secretAccessKey: string;
  /** The seed of the MFA device in base32, where the person wanted it here. */
  totpSeed?: string;
}

export function secretText({ accessKeyId, secretAccessKey, totpSeed }: LongTermSecret): string {
  const totp = totpSeed === undefined ? {} : { totpSeed };
  return JSON.stringify({ version: 1, accessKeyId, secretAccessKey, ...totp });
}

/**
 * Reads what a store gave for a pointer.
 *
 * @param label of the store
 * @throws DevaccessError DA_KEY_NOT_STORED where it has nothing, DA_KEY_DAMAGED for what is no such key
 */
export function readSecretText(
  text: string | undefined,
  pointer: KeyPointer,
  label: string,
): LongTermSecret {
  if (text === undefined) {
    throw new DevaccessError(
      'DA_KEY_NOT_STORED',
      `There is no ${pointer.entry} in ${label}, where its section says the key is`,
      { next: 'set it up again: take the section out of the file, then devaccess login setup' },
    );
  }
  const secret = parsed(text);
  if (secret?.accessKeyId === pointer.accessKeyId) return secret;
  throw new DevaccessError(
    'DA_KEY_DAMAGED',
    `What ${label} has as ${pointer.entry} is not that key`,
    { next: 'set it up again: take the section out of the file, then devaccess login setup' },
  );
}

function parsed(text: string): LongTermSecret | undefined {
  try {
    const { version, accessKeyId, secretAccessKey, totpSeed } = JSON.parse(text) as Record<
      string,
      unknown
    >;
    const isKey =
      version === 1 && [accessKeyId, secretAccessKey].every((part) => typeof part === 'string');
    if (!isKey) return undefined;
    const key = { accessKeyId: String(accessKeyId), secretAccessKey: String(secretAccessKey) };
    return typeof totpSeed === 'string' ? { ...key, totpSeed } : key;
  } catch {
    return undefined;
  }
}
