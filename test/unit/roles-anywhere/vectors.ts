import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readVector, readVectorText } from '../../vectors/read-vector.ts';

/** One recorded request, with everything its signature is made of. */
export interface SigningVector {
  id: string;
  key_file: string;
  certificate_file: string;
  chain_files: string[];
  fixed_clock_utc: string;
  region: string;
  host: string;
  query: Record<string, string>;
  headers_to_sign: Record<string, string>;
  body: string;
  canonical_query_string: string;
  canonical_request: string;
  string_to_sign: string;
  serial_number_decimal: string;
  signature_deterministic: boolean;
  signature_hex: string;
  signature_rfc6979_hex?: string;
  authorization: string;
}

export const SIGNING_VECTORS = readVector('roles-anywhere/vectors.json') as SigningVector[];

/** A file of the vectors. */
export function vectorText(name: string): string {
  return readVectorText(`roles-anywhere/${name}`);
}

/** Copies of files of the vectors, 0600 as keys must be, in a folder of their own. */
export function vectorFiles(...names: string[]): {
  folder: string;
  path: (name: string) => string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-vectors-'));
  for (const name of names) writeFileSync(join(folder, name), vectorText(name), { mode: 0o600 });
  return { folder, path: (name) => join(folder, name) };
}
