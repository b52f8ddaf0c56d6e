import { readFileSync } from 'node:fs';

/** Reads recorded behaviour, e.g. `session-manager/smux-transcript.json`. */
export function readVector(name: string): unknown {
  return JSON.parse(readVectorText(name));
}

/** The same of a file that is not JSON. */
export function readVectorText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
