import { keyFilePath } from '../../aws/key-file-path.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { namesInKeyFile } from '../../platform/secrets/encrypted-file.ts';
import { newPassphrase, openKeyFile } from './key-places.ts';
import type { KeyWorld } from './key-places.ts';
import { settleMoves } from './key-transfer.ts';

/**
 * Seals all keys of the encrypted file anew under another passphrase, which the person types.
 *
 * @throws DevaccessError DA_KEY_NOT_STORED where it has none, DA_PASSPHRASE_WRONG, DA_KEY_FILE_DAMAGED
 */
export async function changePassphrase(
  world: KeyWorld & { say: (text: string) => void },
): Promise<{ file: string; keys: number }> {
  for (const done of await settleMoves(world)) world.say(done);
  const file = keyFilePath(world.env);
  if (namesInKeyFile(file).length === 0) {
    throw new DevaccessError('DA_KEY_NOT_STORED', `There are no keys in ${file}`, {
      next: 'devaccess login move --to file puts one there',
    });
  }
  const keyFile = openKeyFile(world);
  await keyFile.prepare();
  return { file, keys: await keyFile.changePassphrase(await newPassphrase(file, world)) };
}
