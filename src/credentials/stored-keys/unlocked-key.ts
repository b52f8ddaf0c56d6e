import { secretText } from '../../aws/long-term-secret.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import type { KeyWorld } from './key-places.ts';
import { pointerOf } from '../section-pointer.ts';
import { readStoredSecret } from './stored-secret.ts';

/**
 * The key of a section, for the process that started this one; without the seed of the MFA device.
 *
 * @throws DevaccessError DA_NO_LONG_TERM_KEY and those of `readStoredSecret`
 */
export async function unlockedKey(
  section: string,
  world: KeyWorld,
): Promise<Record<string, unknown>> {
  const pointer = pointerOf(sectionValues(readCredentialsFile(world.env), section));
  if (pointer === undefined) {
    throw new DevaccessError('DA_NO_LONG_TERM_KEY', `[${section}] has no stored key`, {
      next: 'run the command again',
    });
  }
  const { totp: _totp, ...key } = await readStoredSecret(pointer, world);
  return JSON.parse(secretText(key)) as Record<string, unknown>;
}
