/**
 * The format of the encrypted file: secrets by name, each sealed with AES-256-GCM under a key that
 * scrypt (RFC 7914) makes of a passphrase. JSON:
 *
 *     format, version   "devaccess-keys", 1
 *     kdf               { name: "scrypt", N, r, p, salt }: what it takes to make the key again
 *     check             nothing, sealed: tells a wrong passphrase from a damaged secret
 *     keys              { NAME: sealed secret }
 *     sha256            of all of the above: tells damage from a wrong passphrase
 *
 * `sealed` is nonce (12 bytes), tag (16) and ciphertext in base64. What a seal also covers, without
 * hiding it: format, version, `kdf` and its own name. So no seal works under another name, and
 * nobody can put a cheaper `kdf` in front of a secret. Whoever can write the file can take secrets out
 * of it, or put an old state of it back.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { DevaccessError } from '../errors.ts';

const FORMAT = 'devaccess-keys';
const VERSION = 1;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 32;
/** A larger one was not written by us. */
const MAX_CHARS = 1024 * 1024;
const NAME = /^[\x21-\x7e]{1,512}$/;

/** How a passphrase becomes a key. Numbers are scrypt's own: it takes 128·N·r bytes of memory. */
export interface Kdf {
  N: number;
  r: number;
  p: number;
  salt: Buffer;
}

/** What OWASP asks for at least (N = 2^17, r = 8, p = 1): 128 MiB, and about half a second. */
export const SCRYPT_COST = { N: 2 ** 17, r: 8, p: 1 } as const;
/** Below, guessing is cheap; above, a hostile file could take all memory. */
const COST_LIMITS = { minN: 2 ** 14, maxBytes: 512 * 1024 * 1024, maxP: 16 } as const;

/** An encrypted file as it lies on disk; sealed values are opaque. */
export interface KeyFile {
  kdf: Kdf;
  check: string;
  keys: ReadonlyMap<string, string>;
}

/** An empty file for a new passphrase, and the key to it. */
export async function newKeyFile(
  passphrase: string,
  cost: Omit<Kdf, 'salt'> = SCRYPT_COST,
): Promise<{ file: KeyFile; key: Buffer }> {
  const kdf = { ...cost, salt: randomBytes(SALT_BYTES) };
  const key = await deriveKey(passphrase, kdf);
  return { file: { kdf, check: seal(key, kdf, ['check'], ''), keys: new Map() }, key };
}

/** The key of a file; undefined when the passphrase is another one. */
export async function openKeyFile(file: KeyFile, passphrase: string): Promise<Buffer | undefined> {
  const key = await deriveKey(passphrase, file.kdf);
  return unseal(key, file.kdf, ['check'], file.check) === undefined ? undefined : key;
}

/** Seals a secret for its place in a file with this `kdf`. */
export function sealSecret(key: Buffer, kdf: Kdf, name: string, secret: string): string {
  return seal(key, kdf, ['key', name], secret);
}

/** Undefined for what was not sealed with this key, for this name and file, or was altered since. */
export function unsealSecret(
  key: Buffer,
  kdf: Kdf,
  name: string,
  sealed: string,
): string | undefined {
  return unseal(key, kdf, ['key', name], sealed);
}

export function keyFileText(file: KeyFile): string {
  const body = plainBody(file);
  return `${JSON.stringify({ ...body, sha256: digest(body) }, null, 2)}\n`;
}

/**
 * Reads the text of a file.
 *
 * @param path for the message
 * @throws DevaccessError DA_KEY_FILE_DAMAGED for one that is not whole, or that a newer version wrote
 */
export function parseKeyFile(text: string, path: string): KeyFile {
  const found = text.length > MAX_CHARS ? undefined : parsedObject(text);
  if (found?.['format'] === FORMAT && Number(found['version']) > VERSION) {
    throw damaged(`${path} was written by a newer devaccess`, 'update devaccess');
  }
  const file = found === undefined ? undefined : readBody(found);
  if (file !== undefined && found?.['sha256'] === digest(plainBody(file))) return file;
  throw damaged(
    `${path} is damaged; it is left as it is`,
    'put it back from a backup, or move it away and set the keys up again (docs/secret-storage.md)',
  );
}

function damaged(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_KEY_FILE_DAMAGED', message, { next });
}

/** @throws DevaccessError DA_KEY_FILE_DAMAGED for a secret that cannot be unsealed */
export function damagedSecret(name: string, path: string): DevaccessError {
  return damaged(
    `What ${path} has of ${name} is damaged, or is another one's`,
    'put the file back from a backup, or set the key up again (docs/secret-storage.md)',
  );
}

function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readBody({ format, version, kdf, check, keys }: Record<string, unknown>) {
  if (format !== FORMAT || version !== VERSION || !isObject(kdf) || !isObject(keys)) {
    return undefined;
  }
  const entries = Object.entries(keys);
  const isWhole =
    isSealed(check) && entries.every(([name, sealed]) => NAME.test(name) && isSealed(sealed));
  const readKdf = readCost(kdf);
  if (!isWhole || readKdf === undefined) return undefined;
  return { kdf: readKdf, check, keys: new Map(entries as [string, string][]) };
}

function readCost({ name, N, r, p, salt }: Record<string, unknown>): Kdf | undefined {
  if (name !== 'scrypt' || ![N, r, p].every(Number.isSafeInteger)) return undefined;
  if (typeof salt !== 'string' || Buffer.from(salt, 'base64').length !== SALT_BYTES) {
    return undefined;
  }
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const isSound =
    cost.N >= COST_LIMITS.minN &&
    (cost.N & (cost.N - 1)) === 0 &&
    cost.r >= 8 &&
    128 * cost.N * cost.r <= COST_LIMITS.maxBytes &&
    cost.p >= 1 &&
    cost.p <= COST_LIMITS.maxP;
  return isSound ? { ...cost, salt: Buffer.from(salt, 'base64') } : undefined;
}

function isSealed(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(value) &&
    Buffer.from(value, 'base64').length >= NONCE_BYTES + TAG_BYTES
  );
}

/** In one order whatever the file's was, for the digest. */
function plainBody({ kdf, check, keys }: KeyFile) {
  const names = [...keys].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    format: FORMAT,
    version: VERSION,
    kdf: plainKdf(kdf),
    check,
    keys: Object.fromEntries(names),
  };
}

function plainKdf({ N, r, p, salt }: Kdf) {
  return { name: 'scrypt', N, r, p, salt: salt.toString('base64') };
}

function digest(body: object): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}

async function deriveKey(passphrase: string, { N, r, p, salt }: Kdf): Promise<Buffer> {
  // The same letters come in two forms from keyboards of different systems.
  const bytes = Buffer.from(passphrase.normalize('NFC'), 'utf8');
  const options = { N, r, p, maxmem: 2 * COST_LIMITS.maxBytes };
  try {
    return await promisify<Buffer, Buffer, number, object, Buffer>(scrypt)(
      bytes,
      salt,
      KEY_BYTES,
      options,
    );
  } finally {
    bytes.fill(0);
  }
}

function covered(kdf: Kdf, place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify([FORMAT, VERSION, plainKdf(kdf), ...place]), 'utf8');
}

function seal(key: Buffer, kdf: Kdf, place: readonly string[], secret: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(covered(kdf, place));
  const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64');
}

function unseal(
  key: Buffer,
  kdf: Kdf,
  place: readonly string[],
  sealed: string,
): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  const tagEnd = NONCE_BYTES + TAG_BYTES;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(covered(kdf, place));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, tagEnd));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()]);
    return text.toString('utf8');
  } catch {
    return undefined;
  }
}
