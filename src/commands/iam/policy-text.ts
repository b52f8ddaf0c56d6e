import { closeSync, openSync, readSync } from 'node:fs';
import { DevaccessError } from '../../platform/errors.ts';
import { errorCode, fileError } from '../../platform/file-errors.ts';

/** More than any policy has: a file that is larger is another one. */
const MAX_BYTES = 1_048_576;

/**
 * The text of a policy file, or for `-` of stdin.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_POLICY_INVALID
 */
export async function readPolicyText(path: string): Promise<string> {
  if (path === '-') return readStdin();
  try {
    return readBounded(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw fileError(error, 'read', path);
    throw new DevaccessError('DA_FILE_NOT_READABLE', `There is no file ${path}`, {
      next: 'give the path of a policy in JSON, or - for stdin',
      cause: error,
    });
  }
}

/** Also of what tells no size, such as `<(aws iam get-role-policy …)`, or never ends. */
function readBounded(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length <= MAX_BYTES; length += read) {
      read = readSync(file, bytes, length, bytes.length - length, null);
    }
    if (length > MAX_BYTES) throw tooLong(path);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

async function readStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > MAX_BYTES) throw tooLong('stdin');
  }
  return text;
}

function tooLong(source: string): DevaccessError {
  return new DevaccessError('DA_POLICY_INVALID', `${source} is longer than any policy`, {
    next: 'give the policy alone',
  });
}
