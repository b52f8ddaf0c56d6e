import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { DevaccessError } from '../errors.ts';
import { envValue, expandHome } from '../paths.ts';
import type { Environment } from '../paths.ts';
import { withSignalCleanup } from '../signals.ts';

const FILE_VARIABLE = 'DEVACCESS_PASSPHRASE_FILE';
const COMMAND_VARIABLE = 'DEVACCESS_PASSPHRASE_COMMAND';
/** More is no passphrase. */
const MAX_BYTES = 4096;
/** A command may itself ask the person. */
const PATIENCE_MS = 120_000;

/** Whether a passphrase comes without asking the person. */
export function hasGivenPassphrase(env: Environment): boolean {
  return [FILE_VARIABLE, COMMAND_VARIABLE].some((name) => envValue(env, name) !== undefined);
}

/**
 * The passphrase that DEVACCESS_PASSPHRASE_FILE holds, else the one that the command in
 * DEVACCESS_PASSPHRASE_COMMAND prints: the first line. Never from an argument or a variable of its
 * own, which other programs could see.
 *
 * @returns undefined where neither is set
 * @throws DevaccessError DA_PASSPHRASE_SOURCE
 */
export async function givenPassphrase(env: Environment): Promise<string | undefined> {
  const file = envValue(env, FILE_VARIABLE);
  if (file !== undefined)
    return firstLine(readPassphraseFile(expandHome(file, env)), FILE_VARIABLE);
  const command = envValue(env, COMMAND_VARIABLE);
  if (command === undefined) return undefined;
  return firstLine(await outputOf(command, env), COMMAND_VARIABLE);
}

function firstLine(bytes: Buffer, from: string): string {
  const [line = ''] = bytes.toString('utf8').split(/\r?\n/);
  if (bytes.length <= MAX_BYTES && line !== '') return line;
  throw refused(`${from} gives no passphrase`, 'it is the first line, of 4096 bytes at most');
}

/** Also from a pipe, as `<(pass show devaccess)` makes one; only a file can be open to others. */
function readPassphraseFile(path: string): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY);
    const { mode, uid } = fstatSync(descriptor);
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    const user = process.geteuid?.();
    // What root has laid there for others to read is as it was meant.
    const isOwn = user === undefined || uid === user || (uid === 0 && (mode & 0o022) === 0);
    const isOpen = user !== undefined && uid === user && (mode & 0o077) !== 0;
    if (isFile && (!isOwn || isOpen)) {
      throw refused(`Others can read or change ${path}`, `chmod 600 '${path}'`);
    }
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } catch (error) {
    if (error instanceof DevaccessError) throw error;
    throw refused(`Cannot read ${path}, which ${FILE_VARIABLE} names`, 'check its path and owner');
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The person's own command line, as their shell reads it. */
async function outputOf(command: string, env: Environment): Promise<Buffer> {
  let child: ChildProcess | undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  const code = await withSignalCleanup(
    () => child?.kill(),
    () => {
      const started = spawn(command, {
        shell: true,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: PATIENCE_MS,
      });
      child = started;
      started.stdout.on('data', (chunk: Buffer) => {
        if (length <= MAX_BYTES) chunks.push(chunk);
        length += chunk.length;
      });
      return new Promise<number | null>((resolve) => {
        started.once('error', () => resolve(null));
        started.once('close', resolve);
      });
    },
  );
  if (code === 0) return Buffer.concat(chunks);
  throw refused(`The command in ${COMMAND_VARIABLE} failed`, 'run it by hand to see why');
}

function refused(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_PASSPHRASE_SOURCE', message, { next });
}
