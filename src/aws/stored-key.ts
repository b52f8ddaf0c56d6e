import type { Environment } from '../platform/paths.ts';
import type { KeyPointer } from './key-pointer.ts';
import { readSecretText } from './long-term-secret.ts';
import type { LongTermSecret } from './long-term-secret.ts';
import { COOL_DOWN_MS } from './prompt-outcome.ts';

/** A section that says its long-term key lies elsewhere. */
export interface StoredKey {
  section: string;
  pointer: KeyPointer;
}

/** What this process has unlocked: nobody is asked twice for the same key. */
const unlocked = new Map<string, Promise<LongTermSecret>>();

/**
 * Reads a long-term key from the keychain, or from the encrypted file with the person's passphrase.
 *
 * @param coolDownMs how long a prompt for it that came to nothing counts
 * @throws DevaccessError DA_KEYCHAIN_UNAVAILABLE, DA_KEYCHAIN_REFUSED, DA_KEY_NOT_STORED,
 *   DA_KEY_DAMAGED and those of `unlockedByPerson`
 */
export function readStoredKey(
  { section, pointer }: StoredKey,
  { env, coolDownMs = COOL_DOWN_MS }: { env: Environment; coolDownMs?: number },
): Promise<LongTermSecret> {
  const known = unlocked.get(pointer.entry);
  if (known !== undefined) return known;
  const reading = read({ section, pointer }, env, coolDownMs);
  unlocked.set(pointer.entry, reading);
  reading.catch(() => unlocked.delete(pointer.entry));
  return reading;
}

async function read(
  { section, pointer }: StoredKey,
  env: Environment,
  coolDownMs: number,
): Promise<LongTermSecret> {
  if (pointer.store === 'file') {
    const { unlockedByPerson } = await import('./unlock.ts');
    return unlockedByPerson({ section, pointer, env, coolDownMs });
  }
  const { Keychain } = await import('../platform/secrets/keychain.ts');
  const keychain = new Keychain();
  return readSecretText(await keychain.read(pointer.entry), pointer, keychain.label);
}
