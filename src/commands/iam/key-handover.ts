import { join, resolve } from 'node:path';
import type { HandoverPlace } from '../../iam/setup/pending-keys.ts';
import type { LongTermSecret } from '../../aws/long-term-secret.ts';
import { transferKey } from '../../credentials/stored-keys/key-transfer.ts';
import type { KeyWorld } from '../../credentials/stored-keys/key-places.ts';
import { checkNewSection } from '../../credentials/long-term-setup.ts';
import { openBoth } from '../../credentials/stored-keys/move-key.ts';
import { withKeyLock } from '../../credentials/stored-keys/move-record.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { checkEditable, editFile, readTextFile } from '../../platform/safe-file.ts';

/** Takes a new key to where its user gets it, once. @returns where that is */
export type HandOver = (user: string, key: LongTermSecret) => Promise<string>;

/**
 * Into the keychain of this computer, as the profile of the user's name; or into a file of its own for each
 * user, 0600, as `~/.aws/credentials` has it. What could go wrong is found out before there is a key.
 *
 * @param place `keychain`, or a folder
 * @throws DevaccessError DA_FILE_EXISTS, DA_PROFILE_EXISTS, DA_KEYCHAIN_UNAVAILABLE and those of `editFile`
 */
export async function handOverTo(
  place: string,
  users: readonly string[],
  world: KeyWorld,
): Promise<HandOver> {
  if (place !== 'keychain') {
    return intoFiles((user) => handoverPlace(place, user).name, users);
  }
  for (const user of users) checkNewSection(sectionOf(user), world.env);
  const stores = await openBoth(['keychain'], world);
  return async (user, { accessKeyId, secretAccessKey }) => {
    const section = sectionOf(user);
    const secret = { accessKeyId, secretAccessKey };
    const transfer = { section, from: undefined, to: 'keychain', secret } as const;
    await withKeyLock(world.env, () => transferKey(transfer, world, stores));
    return `the keychain, as [${section}]`;
  };
}

/** Where that is. */
export function handoverPlace(place: string, user: string): HandoverPlace {
  if (place === 'keychain') return { kind: 'section', name: sectionOf(user) };
  return { kind: 'file', name: join(resolve(place), `${user}.credentials`) };
}

const sectionOf = (user: string): string => `${user}-long-term`;

function intoFiles(pathOf: (user: string) => string, users: readonly string[]): HandOver {
  for (const user of users) {
    checkEditable(pathOf(user));
    if (readTextFile(pathOf(user)) !== undefined) throw exists(pathOf(user));
  }
  return async (user, { accessKeyId, secretAccessKey }) => {
    const path = pathOf(user);
    const text =
      `[default-long-term]\naws_access_key_id = ${accessKeyId}\n` +
      `aws_secret_access_key = ${secretAccessKey}\n`;
    await editFile(path, (present) => {
      if (present !== '') throw exists(path);
      return text;
    });
    return path;
  };
}

function exists(path: string): DevaccessError {
  return new DevaccessError('DA_FILE_EXISTS', `There is a file ${path} already`, {
    next: 'hand it over and remove it, or name another folder',
    exitCode: EXIT.usage,
  });
}
