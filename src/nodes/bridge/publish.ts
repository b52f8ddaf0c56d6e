import { chmodSync, existsSync, fchmodSync, fchownSync, fstatSync, openSync } from 'node:fs';
import { closeSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { processAnswer } from '../../aws/process-answer.ts';
import { errorCode, fileError } from '../../platform/file-errors.ts';
import { editFile } from '../../platform/safe-file.ts';
import { checkTrustedFile, checkTrustedFolder } from '../../platform/trusted-file.ts';
import { parsePublished, publishedFile } from './published-credentials.ts';

export interface PublishRequest {
  folder: string;
  name: string;
  /** Who may read it; undefined: root alone. */
  gid: number | undefined;
  credentials: {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
    expirationMs: number;
    accountId?: string | undefined;
  };
  /** Takes the place of what lasts longer: that is of another role. */
  replaces: boolean;
  nowMs: number;
}

/** Folders that consumers pass through, and cannot list. */
const FOLDER_MODE = 0o711;
const FOR_GROUP = 0o640;
const FOR_OWNER = 0o600;

/**
 * Publishes credentials for the consumers of one group: whole, or not at all, and never older ones than
 * are there.
 *
 * @returns `kept` where what is there lasts as long
 * @throws DevaccessError DA_FILE_UNTRUSTED where others could put things there, those of `editFile`
 */
export async function publish(request: PublishRequest): Promise<'published' | 'kept'> {
  const { folder, name, gid, credentials, replaces, nowMs } = request;
  const path = publishedFile(folder, name);
  makePublishedFolder(folder);
  // A link in its place would be written through, and a file of another user's would stay theirs.
  checkTrustedFile(path);
  const answer = processAnswer({ accountId: undefined, ...credentials }, name);
  const text = `${JSON.stringify(answer)}\n`;
  const bits = gid === undefined ? FOR_OWNER : FOR_GROUP;
  const group = gid ?? process.getegid?.() ?? 0;
  const { outcome } = await editFile(
    path,
    (present) => {
      const before = parsePublished(present, nowMs);
      const isOlder = before !== undefined && credentials.expirationMs < before.expirationMs;
      return isOlder && !replaces && before.expirationMs > nowMs ? present : text;
    },
    { mode: { bits, gid: group } },
  );
  if (outcome === 'unchanged') setAccess(path, bits, group);
  return outcome === 'unchanged' ? 'kept' : 'published';
}

/** @throws DevaccessError DA_FILE_UNTRUSTED, DA_FILE_NOT_WRITABLE */
function makePublishedFolder(folder: string): void {
  try {
    makePassable(folder);
  } catch (error) {
    throw fileError(error, 'write', folder);
  }
  checkTrustedFolder(folder);
}

function makePassable(folder: string): void {
  if (existsSync(folder)) return;
  makePassable(dirname(folder));
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
    // Whatever the umask takes away.
    chmodSync(folder, FOLDER_MODE);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/** The group may have been changed since. */
function setAccess(path: string, bits: number, gid: number): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stats = fstatSync(descriptor);
    if (stats.gid !== gid) fchownSync(descriptor, stats.uid, gid);
    if ((stats.mode & 0o777) !== bits) fchmodSync(descriptor, bits);
  } catch (error) {
    throw fileError(error, 'write', path);
  } finally {
    closeSync(descriptor);
  }
}
