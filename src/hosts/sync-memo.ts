/**
 * What the last sync of many servers came to, and what it came from: where all of that is the same
 * again, so is the result, and nothing is worked out anew. Only for more servers than ssh can read;
 * few are quickly done.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DevaccessError } from '../platform/errors.ts';
import { editFile, readTextFile } from '../platform/safe-file.ts';
import { VERSION } from '../platform/version.ts';
import { isLookupWhole } from './lookup/lookup-store.ts';
import type { InventoryNode } from './host.ts';
import { FOLDERS } from './own-texts.ts';
import type { ReadInventories } from './read-accounts.ts';
import type { ConfigItem } from './ssh-files.ts';
import type { SyncRequest, SyncWorld } from './sync.ts';
import type { SyncResult } from './sync-result.ts';

interface Memo {
  key: string;
  result: SyncResult;
}

/** Nodes that are hashed together. */
const AT_ONCE = 500;

/** Everything that a sync looks at but for what is read here. */
export interface SyncSources {
  request: SyncRequest;
  world: SyncWorld;
  inventories: ReadInventories;
  /** The person's config as it lies there, and all it includes. */
  configText: string;
  config: Iterable<ConfigItem>;
}

/** Whether there is anything to remember by. */
export function hasMemo({ sshDirectory }: SyncWorld): boolean {
  return existsSync(memoPath(sshDirectory));
}

/**
 * Stands for all that a sync's result depends on; undefined where it failed in part, or where what it
 * wrote is damaged, so that it has to be done.
 */
export function syncKey(sources: SyncSources): string | undefined {
  const { request, world, inventories, configText, config } = sources;
  if (request.failures.length + inventories.failures.length > 0) return undefined;
  if (!isLookupWhole(world.sshDirectory)) return undefined;
  const hash = createHash('sha256');
  const { accounts, onProgress: _, ...wishes } = request;
  // Another version may write other entries for the same servers.
  add(hash, { VERSION, wishes, world });
  for (const { source: _source, ...account } of accounts) add(hash, account);
  for (const { inventory } of inventories.read) {
    const { nodes, ...rest } = inventory;
    add(hash, rest);
    for (let at = 0; at < nodes.length; at += AT_ONCE) {
      hash.update(
        nodes
          .slice(at, at + AT_ONCE)
          .map(nodeText)
          .join('\n'),
      );
    }
  }
  add(hash, configText);
  add(hash, statSync(join(world.sshDirectory, 'config'), { throwIfNoEntry: false })?.mode ?? 0);
  for (const item of config) add(hash, item);
  for (const path of textFiles(world.sshDirectory)) {
    // As in a Git index: whoever changes a file cannot but change one of these.
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const { ino, size, mtimeNs, ctimeNs } = stats;
    add(hash, [path, ...[ino, size, mtimeNs, ctimeNs].map(String)]);
  }
  for (const path of keyFiles(world.sshDirectory)) {
    add(hash, path);
    try {
      hash.update(readTextFile(path, { encoding: 'binary' }) ?? '');
    } catch (error) {
      if (error instanceof DevaccessError) return undefined;
      throw error;
    }
  }
  return hash.digest('hex');
}

/** What a sync with this key came to last time: all as it was. */
export function recall({ sshDirectory }: SyncWorld, key: string | undefined) {
  if (key === undefined) return undefined;
  const memo = readMemo(sshDirectory);
  if (memo?.key !== key) return undefined;
  const { files, hosts } = memo.result;
  const aliases = new Map(hosts.map(({ instanceId, alias }) => [instanceId ?? alias, alias]));
  return {
    ...memo.result,
    files: files
      .filter(({ outcome }) => outcome !== 'removed')
      .map(({ path }) => ({ path, outcome: 'unchanged' as const })),
    added: [],
    changed: [],
    removed: [],
    unchanged: [...aliases.values()],
  };
}

/** @throws DevaccessError of `editFile` */
export async function remember(
  { sshDirectory }: SyncWorld,
  key: string | undefined,
  result: SyncResult,
): Promise<void> {
  if (key === undefined) return;
  const memo: Memo = { key, result };
  await editFile(memoPath(sshDirectory), () => JSON.stringify(memo));
}

function memoPath(sshDirectory: string): string {
  return join(sshDirectory, FOLDERS.shelf, 'last-sync.json');
}

function readMemo(sshDirectory: string): Memo | undefined {
  try {
    const memo = JSON.parse(readTextFile(memoPath(sshDirectory)) ?? '{}') as Partial<Memo>;
    const { key, result } = memo;
    return typeof key === 'string' && Array.isArray(result?.hosts) ? { key, result } : undefined;
  } catch {
    return undefined;
  }
}

/** Texts of earlier syncs, and what else is in their places. */
function textFiles(sshDirectory: string): string[] {
  return [FOLDERS.file, FOLDERS.shelf].flatMap((folder) => ours(join(sshDirectory, folder)));
}

/** Keys of hosts, ours and the person's. */
function keyFiles(sshDirectory: string): string[] {
  return [join(sshDirectory, 'known_hosts'), ...ours(join(sshDirectory, 'known_hosts.d'))];
}

function ours(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.startsWith('devaccess-'));
    return names.sort().map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** All of a node; JSON of so many would take longer than all else. */
function nodeText(node: InventoryNode): string {
  // Nothing is not the word for it, which a tag may have.
  let text =
    `${node.instanceId}\0${node.name ?? '\0'}\0${node.state}\0${node.vpcId}` +
    `\0${node.privateAddress}\0${node.platformName ?? '\0'}\0${node.pingStatus}\0${node.agentVersion}` +
    `\0${node.isWindows}\0${node.isHybrid}`;
  for (const [key, value] of node.tags) text += `\0${key}\0${value}`;
  return text;
}

/** A part that no other beside it can pass for. */
function add(hash: Hash, part: unknown): void {
  hash.update(`${JSON.stringify(part, plain)}\n`);
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Map || value instanceof Set ? [...(value as Iterable<unknown>)] : value;
}
