import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { localFailure } from './failures.ts';
import type { Range } from './range-set.ts';

const DIGEST_CHUNK_BYTES = 1024 * 1024;

/** A block of a file; shorter only where the file ends. */
export async function readBlock(
  file: FileHandle,
  { from, to }: Range,
  path: string,
): Promise<Buffer> {
  const data = Buffer.allocUnsafe(to - from);
  let length = 0;
  try {
    while (length < data.length) {
      const { bytesRead } = await file.read(data, length, data.length - length, from + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
  } catch (error) {
    throw localFailure(error, 'read', path);
  }
  return data.subarray(0, length);
}

/** SHA-256 of a whole file, in hex. */
export async function localDigest(file: FileHandle, path: string): Promise<string> {
  const hash = createHash('sha256');
  for (let from = 0; ; from += DIGEST_CHUNK_BYTES) {
    const data = await readBlock(file, { from, to: from + DIGEST_CHUNK_BYTES }, path);
    hash.update(data);
    if (data.length < DIGEST_CHUNK_BYTES) return hash.digest('hex');
  }
}
