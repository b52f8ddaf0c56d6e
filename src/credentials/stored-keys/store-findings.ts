import { keyFilePath } from '../../aws/key-file-path.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import type { Environment } from '../../platform/paths.ts';
import { namesInKeyFile } from '../../platform/secrets/encrypted-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { readMoveRecords } from './move-record.ts';
import type { AwsFiles } from '../profiles.ts';
import { pointerOf } from '../section-pointer.ts';

/** What is wrong with stored keys, as far as that can be seen without opening anything. */
export function storeFindings({ credentials }: AwsFiles, env: Environment): Finding[] {
  const pointers = credentials.sections.flatMap(({ name }) => {
    const pointer = pointerOf(sectionValues(credentials, name));
    return pointer?.store === 'file' ? [{ name, entry: pointer.entry }] : [];
  });
  return [
    ...readMoveRecords(env).map(({ section }) =>
      finding(
        'stored-key-moving',
        'warning',
        `moving the key of [${section}] was interrupted: the next devaccess mfa or login command finishes it`,
      ),
    ),
    ...(pointers.length === 0 ? [] : missingKeys(pointers, keyFilePath(env))),
  ];
}

function missingKeys(
  pointers: readonly { name: string; entry: string }[],
  path: string,
): Finding[] {
  try {
    const present = new Set(namesInKeyFile(path));
    return pointers
      .filter(({ entry }) => !present.has(entry))
      .map(({ name }) =>
        finding(
          'stored-key-missing',
          'problem',
          `the key of [${name}] is not in ${path}, where it should be`,
          { edit: 'bring the file back from a backup, or make a new key in IAM' },
        ),
      );
  } catch (error) {
    const what = error instanceof DevaccessError ? error.message : String(error);
    return [finding('stored-keys-unreadable', 'problem', what)];
  }
}
