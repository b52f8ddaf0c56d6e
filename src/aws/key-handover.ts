/**
 * Many processes may wait for the same key while one asks the person: that one hands it to the others.
 * Each waiting process leaves a request with a public key (X25519) in a private folder; an answer is
 * sealed for it alone. What a process that died leaves behind opens for nobody.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { makePrivateFolder } from '../platform/private-folder.ts';
import { boxKeyText, newBoxKeys, openBox, readBoxKey, sealBox } from '../platform/sealed-box.ts';

/** More than any process waits. */
const FORGET_AFTER_MS = 10 * 60_000;

export interface KeyRequest {
  /** What another process has handed over; undefined where none has. */
  answer(): string | undefined;
  /** Whatever comes of it: nobody waits any more. */
  withdraw(): void;
}

/**
 * Leaves a request for the key with this name.
 *
 * @throws DevaccessError DA_FOLDER_UNSAFE, DA_FILE_NOT_WRITABLE
 */
export function requestKey(entry: string, env: Environment): KeyRequest {
  const folder = handoverFolder(env);
  removeForgotten(folder);
  const path = join(folder, randomBytes(16).toString('hex'));
  const keys = newBoxKeys();
  const request: Request = { entry, key: boxKeyText(keys.publicKey) };
  writeFileSync(`${path}.ask`, JSON.stringify(request), { mode: 0o600, flag: 'wx' });
  return {
    answer: () => {
      try {
        return openBox(readFileSync(`${path}.got`), keys, binding(entry));
      } catch {
        return undefined;
      }
    },
    withdraw: () => {
      for (const end of ['ask', 'got']) rmSync(`${path}.${end}`, { force: true });
    },
  };
}

/** Hands a key to all that have asked for it. What goes wrong is for those that wait: they ask. */
export function answerRequests(entry: string, secret: string, env: Environment): void {
  const folder = handoverFolder(env);
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.ask'))) {
    const path = join(folder, name.slice(0, -'.ask'.length));
    try {
      const request = JSON.parse(readFileSync(`${path}.ask`, 'utf8')) as Request;
      if (request.entry !== entry) continue;
      const theirs = readBoxKey(request.key);
      if (theirs === undefined) continue;
      const box = sealBox(secret, theirs, binding(entry));
      writeFileSync(`${path}.got`, box, { mode: 0o600, flag: 'wx' });
    } catch {
      // It has gone meanwhile, or is none.
    }
  }
}

interface Request {
  entry: string;
  /** As `boxKeyText` gives it. */
  key: string;
}

function binding(entry: string): Buffer {
  return Buffer.from(`devaccess key hand-over\n${entry}`);
}

function handoverFolder(env: Environment): string {
  const folder = join(stateDirectory(env), 'unlock');
  makePrivateFolder(folder);
  return folder;
}

function removeForgotten(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const { mtimeMs = Infinity } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > FORGET_AFTER_MS) rmSync(path, { force: true });
  }
}
