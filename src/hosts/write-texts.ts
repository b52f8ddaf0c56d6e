/** Getting texts to where ssh reads them: files of their own and an Include, or the config itself. */
import { join } from 'node:path';
import { editFile, readTextFile } from '../platform/safe-file.ts';
import type { EditOptions } from '../platform/safe-file.ts';
import { removeFile } from '../platform/safe-remove.ts';
import { unifiedDiff } from '../platform/unified-diff.ts';
import { withInlineTexts } from './inline-texts.ts';
import type { SyncTrust } from './host-keys/sync-trust.ts';
import { refreshLookup } from './lookup/lookup-store.ts';
import { FOLDERS } from './own-texts.ts';
import type { OwnText, TextPlace } from './own-texts.ts';
import { hostsFileLock, isHostsText, LOOKUP_TEXT_NAME, refuseForeign } from './ssh-config-file.ts';
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
  sshDirectory: string;
  edits: FileEdit[];
  /** The person's config. */
  config: FileEdit;
  /** What ssh does not read itself goes before it is told what there is to look up. */
  unshelved: Removal[];
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
  place: TextPlace;
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
 * Settles how texts get to their places: keys and new files first, then what ssh looks up, then the
 * config, then what is no longer needed, so that ssh finds every server, and the keys it insists on, at
 * any moment.
 */
export function planWrites(
  { texts, scope, trust, place }: TextChanges,
  world: ConfigWorld,
): WritePlan {
  const { sshDirectory } = world;
  // All files are in the one place or in the other.
  const isMoved = (own: OwnText): boolean =>
    place !== 'inline' && own.place !== 'inline' && own.place !== place;
  const moved = scope.kept.filter(isMoved);
  const files = new Map(moved.map(({ name, text }) => [name, text]));
  for (const [name, text] of texts) {
    if (place !== 'inline' && text !== undefined) files.set(name, text);
  }
  const edits = trust.edits.map((edit): FileEdit => ({ ...edit, options: {} }));
  for (const [name, text] of files) {
    const path = pathOf({ name, place }, sshDirectory);
    edits.push({
      path,
      edit: (present) => (refuseForeign(present, path), text),
      options: { lockPath: hostsFileLock(path) },
    });
  }
  const left = [...scope.replaced, ...scope.removed, ...moved].filter(
    (own) => own.place !== 'inline' && (own.place !== place || !files.has(own.name)),
  );
  const removal = (own: OwnText): Removal => {
    const path = pathOf(own, sshDirectory);
    const options = { lockPath: hostsFileLock(path) };
    return { path, text: own.text, isMeant: isHostsText, options };
  };
  const unused = trust.removals.map(({ path, text }): Removal => ({
    path,
    text,
    // Keys that came meanwhile are not lost.
    isMeant: (present) => present === text,
    options: {},
  }));
  const stays = scope.kept.filter((own) => !isMoved(own));
  const ownFiles = includedFiles(
    [...[...files.keys()].map((name) => ({ name, place })), ...stays],
    sshDirectory,
  );
  return {
    sshDirectory,
    edits,
    config: mainConfigEdit(inlineChanges(texts, scope, place), ownFiles, world),
    unshelved: left.filter((own) => own.place === 'shelf').map(removal),
    removals: [...left.filter((own) => own.place === 'file').map(removal), ...unused],
    ownFiles,
  };
}

function pathOf({ name, place }: Pick<OwnText, 'name' | 'place'>, sshDirectory: string): string {
  return join(sshDirectory, place === 'shelf' ? FOLDERS.shelf : FOLDERS.file, name);
}

/** The files by which ssh gets to texts. */
export function includedFiles(
  texts: readonly Pick<OwnText, 'name' | 'place'>[],
  sshDirectory: string,
): string[] {
  const files = texts.flatMap(({ name, place }): Pick<OwnText, 'name' | 'place'>[] => {
    if (place === 'inline') return [];
    return [place === 'shelf' ? { name: LOOKUP_TEXT_NAME, place: 'file' } : { name, place }];
  });
  return [...new Set(files.map((file) => pathOf(file, sshDirectory)))].sort();
}

/** Does it, or tells what would be done, with a diff. */
export async function write(
  plan: WritePlan,
  dryRun: boolean,
): Promise<{ files: WrittenFile[]; diff: string | undefined }> {
  const { edits, config, unshelved, removals } = plan;
  if (dryRun) {
    const gone = [...unshelved, ...removals];
    const removed = gone.map(({ path, text }) => unifiedDiff(path, text, ''));
    return {
      files: [...[...edits, config].map(foresee), ...gone.map(asRemoved)],
      diff: [...[...edits, config].map(diffOf), ...removed].join(''),
    };
  }
  return {
    files: [
      ...(await edited(edits)),
      ...(await removed(unshelved)),
      ...(await refreshLookup(plan.sshDirectory)),
      ...(await edited([config])),
      ...(await removed(removals)),
    ],
    diff: undefined,
  };
}

async function edited(edits: readonly FileEdit[]): Promise<WrittenFile[]> {
  const files: WrittenFile[] = [];
  for (const { path, edit, options } of edits) {
    const { path: written, outcome } = await editFile(path, edit, options);
    files.push({ path: written, outcome });
  }
  return files;
}

async function removed(removals: readonly Removal[]): Promise<WrittenFile[]> {
  const files: WrittenFile[] = [];
  for (const { path, isMeant, options } of removals) {
    if (await removeFile(path, isMeant, options)) files.push(asRemoved({ path }));
  }
  return files;
}

/** The text of the person's config as it will be. */
export function configAfter({ config }: WritePlan): string {
  return config.edit(readTextFile(config.path, config.options) ?? '');
}

function inlineChanges(
  texts: ReadonlyMap<string, string | undefined>,
  scope: TextScope,
  target: TextPlace,
): ReadonlyMap<string, string | undefined> {
  const changes = new Map<string, string | undefined>();
  for (const { name, place } of [...scope.replaced, ...scope.removed]) {
    if (place === 'inline') changes.set(name, undefined);
  }
  if (target === 'inline') for (const [name, text] of texts) changes.set(name, text);
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
