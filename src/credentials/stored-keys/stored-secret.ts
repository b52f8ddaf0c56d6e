import type { KeyPointer } from '../../aws/key-pointer.ts';
import { readSecretText } from '../../aws/long-term-secret.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import { openStore } from './key-places.ts';
import type { KeyWorld } from './key-places.ts';

/**
 * Reads a long-term key from where a section says it is. May ask for a passphrase.
 *
 * @throws DevaccessError DA_KEY_NOT_STORED, DA_KEY_DAMAGED and those of the store
 */
export async function readStoredSecret(
  pointer: KeyPointer,
  world: KeyWorld,
): Promise<LongTermSecret> {
  const store = openStore(pointer.store, world);
  return readSecretText(await store.read(pointer.entry), pointer, store.label);
}
