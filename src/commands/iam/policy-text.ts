import { readFileSync, statSync } from 'node:fs';
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
    // A device or a pipe tells no size, and may never end.
    if (statSync(path).size > MAX_BYTES) throw tooLong(path);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw fileError(error, 'read', path);
    throw new DevaccessError('DA_FILE_NOT_READABLE', `There is no file ${path}`, {
      next: 'give the path of a policy in JSON, or - for stdin',
      cause: error,
    });
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
