import { DevaccessError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { namesInKeyFile } from '../../platform/secrets/encrypted-file.ts';
import { sectionValues } from '../ini-document.ts';
import { keyFilePath } from './key-places.ts';
import { readMoveRecords } from './move-record.ts';
import type { AwsFiles } from '../profiles.ts';
import { pointerOf } from '../section-pointer.ts';

/** What is wrong with stored keys, as far as that can be seen without opening anything. */
export function storeWarnings({ credentials }: AwsFiles, env: Environment): string[] {
  const pointers = credentials.sections.flatMap(({ name }) => {
    const pointer = pointerOf(sectionValues(credentials, name));
    return pointer?.store === 'file' ? [{ name, entry: pointer.entry }] : [];
  });
  return [
    ...readMoveRecords(env).map(
      ({ section }) =>
        `moving the key of [${section}] was interrupted: the next devaccess mfa or login command finishes it`,
    ),
    ...(pointers.length === 0 ? [] : missingKeys(pointers, keyFilePath(env))),
  ];
}

function missingKeys(pointers: readonly { name: string; entry: string }[], path: string): string[] {
  try {
    const present = new Set(namesInKeyFile(path));
    return pointers
      .filter(({ entry }) => !present.has(entry))
      .map(({ name }) => `the key of [${name}] is not in ${path}, where it should be`);
  } catch (error) {
    return [error instanceof DevaccessError ? error.message : String(error)];
  }
}
