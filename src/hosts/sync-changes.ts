import { hostBlocks } from './ssh-config-file.ts';

/** Aliases, by what a sync did. */
export interface HostChanges {
  added: string[];
  changed: string[];
  removed: string[];
  unchanged: string[];
}

/** Tells what became of each server, by its id, wherever its entry was and is. */
export function hostChanges(before: readonly string[], after: readonly string[]): HostChanges {
  const old = blocksById(before);
  const now = blocksById(after);
  const changes: HostChanges = { added: [], changed: [], removed: [], unchanged: [] };
  for (const [id, { alias, text }] of now) {
    const former = old.get(id);
    const list = former === undefined ? 'added' : former.text === text ? 'unchanged' : 'changed';
    changes[list].push(alias);
  }
  for (const [id, { alias }] of old) if (!now.has(id)) changes.removed.push(alias);
  return changes;
}

function blocksById(texts: readonly string[]): Map<string, { alias: string; text: string }> {
  const blocks = new Map<string, { alias: string; text: string }>();
  // The first one counts, for ssh as well.
  for (const block of texts.flatMap(hostBlocks)) {
    if (!blocks.has(block.instanceId)) blocks.set(block.instanceId, block);
  }
  return blocks;
}
