/**
 * Many processes may wait for the same key while one asks the person: that one hands it to the others.
 * Each waiting process leaves a request with a public key (X25519) in a private folder; an answer is
 * sealed for it alone (HKDF, AES-256-GCM). What a process that died leaves behind opens for nobody.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { makePrivateFolder } from '../platform/private-folder.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
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
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  writeFileSync(`${path}.ask`, JSON.stringify({ entry, key: exported(publicKey) }), {
    mode: 0o600,
    flag: 'wx',
  });
  return {
    answer: () => {
      try {
        const { key, sealed } = JSON.parse(readFileSync(`${path}.got`, 'utf8')) as Answer;
        return unseal(sealed, sharedKey(privateKey, publicKey, imported(key)), entry);
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
      const { privateKey, publicKey } = generateKeyPairSync('x25519');
      const theirs = imported(request.key);
      const sealed = seal(secret, sharedKey(privateKey, theirs, theirs), entry);
      const answer: Answer = { key: exported(publicKey), sealed };
      writeFileSync(`${path}.got`, JSON.stringify(answer), { mode: 0o600, flag: 'wx' });
    } catch {
      // It has gone meanwhile, or is none.
    }
  }
}

interface Request {
  entry: string;
  /** In base64, as SubjectPublicKeyInfo. */
  key: string;
}

interface Answer {
  key: string;
  sealed: string;
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

function exported(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}

function imported(key: string): KeyObject {
  return createPublicKey({ key: Buffer.from(key, 'base64'), type: 'spki', format: 'der' });
}

/** @param asker the public key of the process that asked, which the result is bound to */
function sharedKey(own: KeyObject, asker: KeyObject, other: KeyObject): Buffer {
  const secret = diffieHellman({ privateKey: own, publicKey: other });
  const salt = Buffer.from(exported(asker), 'base64');
  return Buffer.from(hkdfSync('sha256', secret, salt, 'devaccess key hand-over', 32));
}

function seal(secret: string, key: Buffer, entry: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(entry, 'utf8'));
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
}

function unseal(sealed: string, key: Buffer, entry: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(entry, 'utf8'));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const text = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
}
