import { DevaccessError } from '../platform/errors.ts';
import type { KeyPointer } from './key-pointer.ts';

/** A long-term key, as a keychain or an encrypted file holds it. */
export interface LongTermSecret {
  accessKeyId: string;
  secretAccessKey: string;
  /** The seed of an MFA device, where the person wanted it here. */
  totp?: TotpSecret;
}

export interface TotpSecret {
  /** Base32. */
  seed: string;
  /** ARN or serial number. */
  device: string;
}

export function secretText({ accessKeyId, secretAccessKey, totp }: LongTermSecret): string {
  const key = { version: 1, accessKeyId, secretAccessKey };
  return JSON.stringify(totp === undefined ? key : { ...key, totp });
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
    const found = JSON.parse(text) as Partial<LongTermSecret> & { version?: unknown };
    const { version, accessKeyId, secretAccessKey, totp } = found;
    if (version !== 1 || !isText(accessKeyId) || !isText(secretAccessKey)) return undefined;
    const key = { accessKeyId, secretAccessKey };
    if (totp === undefined) return key;
    const { seed, device } = totp;
    return isText(seed) && isText(device) ? { ...key, totp: { seed, device } } : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
