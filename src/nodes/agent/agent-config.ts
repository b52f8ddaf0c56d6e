import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DevaccessError } from '../../platform/errors.ts';
import { readBounded } from '../../platform/read-bounded.ts';
import { editFile } from '../../platform/safe-file.ts';
import { unifiedDiff } from '../../platform/unified-diff.ts';
import { applyConfigChanges } from './config-change.ts';
import type { ConfigChange } from './config-change.ts';
import { MAX_CONFIG_BYTES, readConfigDocument } from './config-document.ts';
import type { ConfigDocument } from './config-document.ts';
import { configWarnings } from './config-warnings.ts';
import type { ConfigWarning } from './config-warnings.ts';

export interface AgentConfig {
  path: string;
  /** False: the agent takes its defaults for everything. */
  exists: boolean;
  document: ConfigDocument;
  warnings: ConfigWarning[];
}

export interface AgentConfigEdit {
  /** As `diff -u` shows it; empty where nothing changes. */
  diff: string;
  outcome: 'created' | 'changed' | 'unchanged';
  before: AgentConfig;
  after: AgentConfig;
}

/** A file that somebody is writing right now is read again. */
const TRIES = 5;
const PAUSE_MS = 200;

/**
 * Reads the agent's configuration; a missing file is one without settings.
 *
 * @throws DevaccessError DA_AGENT_CONFIG, DA_AGENT_CONFIG_PARTIAL, DA_FILE_NOT_READABLE,
 *   DA_FILE_TOO_LARGE
 */
export async function readAgentConfig(
  path: string,
  wait: (ms: number) => Promise<unknown> = delay,
): Promise<AgentConfig> {
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return describe(path, textOf(path));
    } catch (error) {
      const isPartial = error instanceof DevaccessError && error.code === 'DA_AGENT_CONFIG_PARTIAL';
      if (!isPartial || left === 0) throw error;
    }
    await wait(PAUSE_MS);
  }
}

/**
 * Merges changes into the agent's configuration, and leaves all else of the file as it is.
 *
 * @param isDry tells what would change, and changes nothing
 * @throws DevaccessError of `readAgentConfig` and `editFile`; nothing was written then
 */
export async function editAgentConfig(
  path: string,
  changes: readonly ConfigChange[],
  isDry: boolean,
  wait: (ms: number) => Promise<unknown> = delay,
): Promise<AgentConfigEdit> {
  const before = await readAgentConfig(path, wait);
  let old = textOf(path);
  let changed = applyConfigChanges(old ?? '', changes);
  let outcome: AgentConfigEdit['outcome'] = 'unchanged';
  if (isDry) {
    if (changed !== (old ?? '')) outcome = old === undefined ? 'created' : 'changed';
  } else {
    const edit = (text: string): string => {
      // Another program may have written to it meanwhile: never go on from what it left half done.
      if (text !== '' || existsSync(path)) readConfigDocument(path, text);
      old = text;
      changed = applyConfigChanges(text, changes);
      readConfigDocument(path, changed === '' ? '{}' : changed);
      return changed;
    };
    ({ outcome } = await editFile(path, edit, { mode: 'keep' }));
  }
  return {
    diff: unifiedDiff(path, old ?? '', changed),
    outcome,
    before,
    after: describe(path, changed === '' ? undefined : changed),
  };
}

function describe(path: string, text: string | undefined): AgentConfig {
  const document = readConfigDocument(path, text ?? '{}');
  return { path, exists: text !== undefined, document, warnings: configWarnings(document) };
}

/** @returns undefined where there is no file */
function textOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const { text } = readBounded(path, MAX_CONFIG_BYTES);
  return Buffer.from(text, 'latin1').toString('utf8');
}
