/** How the latest prompt for a purpose ended, for the processes that come after it. */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { makeFolder } from '../platform/safe-file.ts';

/** After a prompt that came to nothing, programs that try again are refused without one. */
export const COOL_DOWN_MS = 60_000;

export interface Outcome {
  outcome: 'renewed' | 'refused';
  atMs: number;
  why?: string;
}

/** Where the outcome of a purpose is kept, less `.json`; `.lock` beside it is for who asks. */
export function promptPlace(purpose: string, subject: string, env: Environment): string {
  const folder = stateDirectory(env);
  makeFolder(folder);
  const digest = createHash('sha256').update(subject).digest('hex').slice(0, 16);
  return join(folder, `${purpose}-${digest}`);
}

export function readOutcome(place: string): Outcome | undefined {
  try {
    const found = JSON.parse(readFileSync(`${place}.json`, 'utf8')) as Partial<Outcome>;
    const isOne = found.outcome === 'renewed' || found.outcome === 'refused';
    return isOne && typeof found.atMs === 'number' ? (found as Outcome) : undefined;
  } catch {
    return undefined;
  }
}

/** Under the lock: nobody else writes it meanwhile. */
export function writeOutcome(place: string, outcome: Outcome): void {
  const temporary = `${place}.json.new`;
  writeFileSync(temporary, JSON.stringify(outcome), { mode: 0o600 });
  renameSync(temporary, `${place}.json`);
}

/** Why a prompt came to nothing so shortly before that another one would be a storm. */
export function recentRefusal(place: string, coolDownMs: number): string | undefined {
  const last = readOutcome(place);
  const isRecent = last?.outcome === 'refused' && Math.abs(Date.now() - last.atMs) < coolDownMs;
  return isRecent ? (last.why ?? 'it was not given') : undefined;
}
