import { forEachAtOnce } from './at-once.ts';
import { FileFailure } from './failures.ts';
import type { CopyFailure } from './failures.ts';
import type { FileTree } from './file-tree.ts';
import type { Journal } from './journal.ts';
import type { CopyPlan, DirectoryPlan } from './plan.ts';

const AT_ONCE = 32;
/** Until all is in it, a new directory is its owner's alone. */
const PRIVATE = 0o700;

/**
 * Makes the directories of a plan. What would lie in one that cannot be made is taken out of it.
 *
 * @returns what could not be made
 */
export async function makeDirectories(
  plan: CopyPlan,
  to: FileTree,
  journal: Journal,
): Promise<CopyFailure[]> {
  const failures: CopyFailure[] = [];
  const missing = new Set<string>();
  const isBelowMissing = (path: string): boolean =>
    [...missing].some((directory) => path.startsWith(to.join(directory, '/')));
  for (const level of byDepth(plan.directories)) {
    await forEachAtOnce(level, AT_ONCE, async ({ destination }) => {
      if (isBelowMissing(destination)) return;
      try {
        await makeDirectory(destination, to, journal);
      } catch (error) {
        if (!(error instanceof FileFailure)) throw error;
        missing.add(destination);
        failures.push({ path: to.show(destination), error });
      }
    });
  }
  plan.files = plan.files.filter(({ destination }) => !isBelowMissing(destination));
  return failures;
}

/** Gives the directories that were made their modes and times, those furthest below first. */
export async function settleDirectories(
  { directories }: CopyPlan,
  to: FileTree,
  journal: Journal,
): Promise<CopyFailure[]> {
  const failures: CopyFailure[] = [];
  const made = directories.filter(({ destination }) => journal.wasMade(destination));
  for (const level of byDepth(made).reverse()) {
    await forEachAtOnce(level, AT_ONCE, async ({ destination, facts }) => {
      try {
        await to.setFacts(destination, facts);
      } catch (error) {
        if (!(error instanceof FileFailure)) throw error;
        failures.push({ path: to.show(destination), error });
      }
    });
  }
  return failures;
}

async function makeDirectory(path: string, to: FileTree, journal: Journal): Promise<void> {
  try {
    await to.makeDirectory(path, PRIVATE);
    journal.made(path);
  } catch (error) {
    const facts = await to.lstat(path);
    if (facts === undefined) throw error;
    const isFollowed = facts.type === 'link' && to.followsLinks;
    if (facts.type === 'directory') return;
    if (isFollowed && (await to.stat(path))?.type === 'directory') return;
    const what = facts.type === 'link' ? 'a link' : 'no folder';
    throw new FileFailure('DA_NOT_A_DIRECTORY', `${to.show(path)} is ${what}`, {
      next:
        facts.type === 'link' ? 'name the folder it leads to as the destination' : 'move it away',
      cause: error,
    });
  }
}

function byDepth(directories: readonly DirectoryPlan[]): DirectoryPlan[][] {
  const levels: DirectoryPlan[][] = [];
  for (const directory of directories) {
    const depth = directory.destination.split(/[/\\]/).length;
    (levels[depth] ??= []).push(directory);
  }
  return levels.filter((level) => (level as DirectoryPlan[] | undefined) !== undefined);
}
