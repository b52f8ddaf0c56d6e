import { readFileSync } from 'node:fs';

/** Reads recorded behaviour, e.g. `session-manager/smux-transcript.json`. */
export function readVector(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
}
