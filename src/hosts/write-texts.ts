/** Getting texts to where ssh reads them: files of their own and an Include, or the config itself. */
import { join } from 'node:path';
import { editFile, readTextFile } from '../platform/safe-file.ts';
import type { EditOptions } from '../platform/safe-file.ts';
import { removeFile } from '../platform/safe-remove.ts';
import { unifiedDiff } from '../platform/unified-diff.ts';
import { withInlineTexts } from './inline-texts.ts';
import type { SyncTrust } from './host-keys/sync-trust.ts';
import type { OwnText } from './own-texts.ts';
import { hostsFileLock, isHostsText, refuseForeign } from './ssh-config-file.ts';
import { includeLength, includeLine, withInclude, withoutInclude } from './ssh-include.ts';
import type { TextScope } from './text-scope.ts';

export interface ConfigWorld {
  /** `~/.ssh`. */
  sshDirectory: string;
  /** The home ssh itself uses. */
  loginHome: string;
}

export interface WrittenFile {
  path: string;
  outcome: 'created' | 'changed' | 'unchanged' | 'removed';
}

/** What is to be done to files, settled before anything is. */
export interface WritePlan {
  edits: FileEdit[];
  removals: Removal[];
  /** Our files that ssh will read. */
  ownFiles: string[];
}

/** What is to be written. */
export interface TextChanges {
  /** By name; undefined for one that is to be none. */
  texts: ReadonlyMap<string, string | undefined>;
  scope: TextScope;
  trust: Pick<SyncTrust, 'edits' | 'removals'>;
  inline: boolean;
}

interface Removal {
  path: string;
  text: string;
  /** Whether a text is still that of a file that may be removed. */
  isMeant: (text: string) => boolean;
  options: { lockPath?: string };
}

interface FileEdit {
  path: string;
  edit: (text: string) => string;
  options: EditOptions;
}

/**
 * Settles how texts get to their places: keys and new files first, then the config, then what is no
 * longer needed, so that ssh finds every server, and the keys it insists on, at any moment.
 */
export function planWrites(
  { texts, scope, trust, inline }: TextChanges,
  world: ConfigWorld,
): WritePlan {
  const folder = join(world.sshDirectory, 'config.d');
  const files = inline
    ? []
    : [...texts].filter((text): text is [string, string] => text[1] !== undefined);
  const edits = trust.edits.map((edit): FileEdit => ({ ...edit, options: {} }));
  for (const [name, text] of files) {
    const path = join(folder, name);
    edits.push({
      path,
      edit: (present) => (refuseForeign(present, path), text),
      options: { lockPath: hostsFileLock(path) },
    });
  }
  const written = new Set(files.map(([name]) => name));
  const isLeft = ({ place, name }: OwnText): boolean => place === 'file' && !written.has(name);
  const left = [...scope.replaced, ...scope.removed]
    .filter(isLeft)
    .map(({ name, text }): Removal => {
      const path = join(folder, name);
      return { path, text, isMeant: isHostsText, options: { lockPath: hostsFileLock(path) } };
    });
  const unused = trust.removals.map(({ path, text }): Removal => ({
    path,
    text,
    // Keys that came meanwhile are not lost.
    isMeant: (present) => present === text,
    options: {},
  }));
  const kept = scope.kept.filter(({ place }) => place === 'file').map(({ name }) => name);
  const ownFiles = [...written, ...kept].sort().map((name) => join(folder, name));
  edits.push(mainConfigEdit(inlineChanges(texts, scope, inline), ownFiles, world));
  return { edits, removals: [...left, ...unused], ownFiles };
}

/** Does it, or tells what would be done, with a diff. */
export async function write(
  plan: WritePlan,
  dryRun: boolean,
): Promise<{ files: WrittenFile[]; diff: string | undefined }> {
  if (dryRun) {
    const removed = plan.removals.map(({ path, text }) => unifiedDiff(path, text, ''));
    return {
      files: [...plan.edits.map(foresee), ...plan.removals.map(asRemoved)],
      diff: [...plan.edits.map(diffOf), ...removed].join(''),
    };
  }
  const files: WrittenFile[] = [];
  for (const { path, edit, options } of plan.edits) {
    const { path: written, outcome } = await editFile(path, edit, options);
    files.push({ path: written, outcome });
  }
  for (const { path, isMeant, options } of plan.removals) {
    if (await removeFile(path, isMeant, options)) files.push(asRemoved({ path }));
  }
  return { files, diff: undefined };
}

/** The text of the person's config as it will be. */
export function configAfter({ edits }: WritePlan): string {
  const last = edits.at(-1);
  return last === undefined ? '' : last.edit(readTextFile(last.path, last.options) ?? '');
}

function inlineChanges(
  texts: ReadonlyMap<string, string | undefined>,
  scope: TextScope,
  inline: boolean,
): ReadonlyMap<string, string | undefined> {
  const changes = new Map<string, string | undefined>();
  for (const { name, place } of [...scope.replaced, ...scope.removed]) {
    if (place === 'inline') changes.set(name, undefined);
  }
  if (inline) for (const [name, text] of texts) changes.set(name, text);
  return changes;
}

function mainConfigEdit(
  changes: ReadonlyMap<string, string | undefined>,
  hostsFiles: readonly string[],
  world: ConfigWorld,
): FileEdit {
  const path = join(world.sshDirectory, 'config');
  const place = { ...world, hostsFiles };
  const hasFiles = hostsFiles.length > 0;
  return {
    path,
    edit: (present) => {
      const included = hasFiles ? withInclude(present, place) : withoutInclude(present, place);
      const below = (top: string): number => includeLength(top, place);
      return withInlineTexts(included, changes, { path, below });
    },
    options: {
      mode: 'keep',
      encoding: 'binary',
      ...(hasFiles
        ? { advice: `add '${includeLine(world)}' above all Host lines yourself, once` }
        : {}),
    },
  };
}

function foresee({ path, edit, options }: FileEdit): WrittenFile {
  const present = readTextFile(path, options);
  const isSame = edit(present ?? '') === (present ?? '');
  return { path, outcome: isSame ? 'unchanged' : present === undefined ? 'created' : 'changed' };
}

function asRemoved({ path }: { path: string }): WrittenFile {
  return { path, outcome: 'removed' };
}

function diffOf({ path, edit, options }: FileEdit): string {
  const present = readTextFile(path, options) ?? '';
  const shown = (text: string): string =>
    options.encoding === 'binary' ? Buffer.from(text, 'latin1').toString('utf8') : text;
  return unifiedDiff(path, shown(present), shown(edit(present)));
}
