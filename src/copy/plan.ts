import { EXIT } from '../platform/errors.ts';
import { FileFailure, isSpecial, noSuchFile } from './failures.ts';
import type { CopyFailure } from './failures.ts';
import type { FileEntry, FileFacts, FileTree } from './file-tree.ts';
import { expandPattern } from './glob.ts';
import { forEachAtOnce } from './at-once.ts';

/** One file to be copied; the paths are absolute. */
export interface FilePlan {
  source: string;
  destination: string;
  facts: FileFacts;
}

/** One directory to be made; the facts are those it gets when all is in it. */
export type DirectoryPlan = FilePlan;

export interface CopyPlan {
  /** Those above come before those in them. */
  directories: DirectoryPlan[];
  files: FilePlan[];
  /** What will not be copied, and why. */
  refused: CopyFailure[];
}

export interface CopyRequest {
  from: FileTree;
  to: FileTree;
  /** As the person wrote them. */
  sources: readonly string[];
  destination: string;
  recursive: boolean;
}

/** As deep as scp goes; more is a loop of links. */
const MAX_DEPTH = 64;
/** Directories read at a time, so that a slow path is filled. */
const LISTED_AT_ONCE = 16;

/**
 * Finds out what is to be copied, and to where, as scp does: into the destination where that is a
 * directory, else under its name. Links are followed. Nothing is written yet.
 *
 * @throws DevaccessError when nothing at all can be copied: DA_NOT_A_DIRECTORY, DA_SPECIAL_FILE, or
 *   what the trees throw
 */
export async function planCopy(request: CopyRequest): Promise<CopyPlan> {
  const plan: CopyPlan = { directories: [], files: [], refused: [] };
  const sources: Source[] = [];
  for (const source of request.sources) {
    sources.push(...(await findSources(request.from, source, plan)));
  }
  const target = await findTarget(request, Math.max(sources.length, request.sources.length));
  for (const source of sources) await addSource(request, plan, target, source);
  refuseClashes(request, plan);
  return plan;
}

interface Source {
  path: string;
  /** Its last name; empty for all that is in a directory. */
  name: string;
  facts: FileFacts;
}

/** What a name stands for: the file of that name, else those that match it as a pattern. */
async function findSources(from: FileTree, source: string, plan: CopyPlan): Promise<Source[]> {
  const path = await from.resolve(source);
  const facts = await from.stat(path).catch((error: unknown) => {
    refuse(plan, from.show(path), error);
    return null;
  });
  if (facts === null) return [];
  if (facts !== undefined) {
    const name = from.baseName(source);
    return [{ path, name: name === '.' ? '' : name, facts }];
  }
  const found: Source[] = [];
  for (const match of from.expandsPatterns ? await expandPattern(from, path) : []) {
    const matched = await from.stat(match);
    if (matched !== undefined) {
      found.push({ path: match, name: from.baseName(match), facts: matched });
    }
  }
  if (found.length === 0) refuse(plan, from.show(path), noSuchFile(from.show(path)));
  return found;
}

async function addSource(
  request: CopyRequest,
  plan: CopyPlan,
  target: { path: string; isDirectory: boolean },
  { path, name, facts }: Source,
): Promise<void> {
  const { from, to } = request;
  const isInside = target.isDirectory && name !== '';
  const destination = isInside ? to.join(target.path, name) : target.path;
  if (facts.type === 'file') plan.files.push({ source: path, destination, facts });
  else if (facts.type !== 'directory') refuse(plan, from.show(path), isSpecial(from.show(path)));
  else if (!request.recursive) refuse(plan, from.show(path), isDirectory(from.show(path)));
  else {
    plan.directories.push({ source: path, destination, facts });
    await new Scan(request, plan).run(path, destination);
  }
}

async function findTarget(
  { to, destination }: CopyRequest,
  sources: number,
): Promise<{ path: string; isDirectory: boolean }> {
  const path = await to.resolve(destination);
  const facts = await to.stat(path);
  // What the person named is followed when it is a link, as other tools do.
  if (facts?.type === 'directory') return { path: await to.realPath(path), isDirectory: true };
  const mustBeDirectory = sources > 1 || /(?:^|\/)\.{0,2}$/.test(destination);
  if (mustBeDirectory) {
    throw new FileFailure('DA_NOT_A_DIRECTORY', `${to.show(path)} is not a folder`, {
      next: 'make it first, or name a folder that exists',
    });
  }
  // A rename would put a file in the place of the device itself: think of /dev/null.
  if (facts?.type === 'other') throw isSpecial(to.show(path));
  return { path: facts === undefined ? path : await to.realPath(path), isDirectory: false };
}

/** Reads one tree, many directories at a time. */
class Scan {
  readonly #request: CopyRequest;
  readonly #plan: CopyPlan;

  constructor(request: CopyRequest, plan: CopyPlan) {
    this.#request = request;
    this.#plan = plan;
  }

  async run(source: string, destination: string): Promise<void> {
    let level = [{ source, destination, above: [await this.#request.from.realPath(source)] }];
    while (level.length > 0) {
      const next: typeof level = [];
      await forEachAtOnce(level, LISTED_AT_ONCE, async (directory) => {
        try {
          const { from } = this.#request;
          const { entries, refused } = await from.list(directory.source);
          for (const { name, why } of refused) {
            const shown = from.show(`${directory.source}/${name}`);
            refuse(this.#plan, shown, badName(shown, why));
          }
          for (const entry of entries) {
            const found = await this.#add(entry, directory);
            if (found !== undefined) next.push(found);
          }
        } catch (error) {
          refuse(this.#plan, this.#request.from.show(directory.source), error);
        }
      });
      level = next;
    }
  }

  /** @returns the entry where it is a directory to be read in its turn */
  async #add(
    { name, facts: entryFacts }: FileEntry,
    parent: { source: string; destination: string; above: readonly string[] },
  ): Promise<{ source: string; destination: string; above: string[] } | undefined> {
    const { from, to } = this.#request;
    const source = from.join(parent.source, name);
    const destination = to.join(parent.destination, name);
    try {
      const isLink = entryFacts.type === 'link';
      const facts = isLink ? await from.stat(source) : entryFacts;
      if (facts === undefined) throw noSuchFile(`${from.show(source)} (a link to nothing)`);
      if (facts.type === 'file') {
        this.#plan.files.push({ source, destination, facts });
        return undefined;
      }
      if (facts.type !== 'directory') throw isSpecial(from.show(source));
      const here = parent.above.at(-1) ?? '';
      const real = isLink ? await from.realPath(source) : from.join(here, name);
      const isAbove = from.join(here, '/').startsWith(from.join(real, '/'));
      if (isAbove || parent.above.includes(real) || parent.above.length >= MAX_DEPTH) {
        throw endless(from.show(source));
      }
      this.#plan.directories.push({ source, destination, facts });
      return { source, destination, above: [...parent.above, real] };
    } catch (error) {
      refuse(this.#plan, from.show(source), error);
      return undefined;
    }
  }
}

/** Two sources of one name would overwrite each other. */
function refuseClashes({ from }: CopyRequest, plan: CopyPlan): void {
  const taken = new Map<string, FilePlan>();
  plan.files = plan.files.filter((file) => {
    const first = taken.get(file.destination);
    taken.set(file.destination, first ?? file);
    if (first === undefined) return true;
    const message = `${from.show(file.source)} would overwrite the copy of ${from.show(first.source)}`;
    refuse(plan, from.show(file.source), new FileFailure('DA_USAGE', message));
    return false;
  });
}

function refuse(plan: CopyPlan, path: string, error: unknown): void {
  if (!(error instanceof FileFailure)) throw error;
  plan.refused.push({ path, error });
}

function isDirectory(shown: string): FileFailure {
  return new FileFailure('DA_IS_DIRECTORY', `${shown} is a folder`, {
    next: 'copy it with -r',
    exitCode: EXIT.usage,
  });
}

function badName(shown: string, why: string): FileFailure {
  return new FileFailure('DA_BAD_NAME', `${shown} was not copied: ${why}`, {
    next: 'rename it where it is',
  });
}

function endless(shown: string): FileFailure {
  return new FileFailure('DA_LINK_LOOP', `${shown} leads back to a folder above it, or too deep`);
}
