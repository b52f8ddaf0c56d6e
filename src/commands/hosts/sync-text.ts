/** What a sync says to a person. */
import type { SyncProgress } from '../../hosts/read-accounts.ts';
import type { SyncRequest } from '../../hosts/sync.ts';
import type { SyncFailure, SyncResult } from '../../hosts/sync-result.ts';
import { EXIT } from '../../platform/errors.ts';

/** A large account must not scroll away what matters. */
const MAX_SKIPPED_LINES = 20;
const MAX_NAMES = 8;

export function progressText({
  accounts,
  accountsDone,
  instances,
  managedNodes,
}: SyncProgress): string {
  const where = accounts === 1 ? '' : `, ${accountsDone} of ${accounts} regions done`;
  return `reading ${instances} instances and ${managedNodes} managed nodes${where}`;
}

/** Lines of talk, the most important last. */
export function syncLines(result: SyncResult): string[] {
  return [
    ...skippedLines(result),
    ...result.notices.map((notice) => `devaccess: ${notice}`),
    ...nameLines(result),
    ...result.failed.map(failureLine),
  ];
}

/** One line: how many, and where. */
export function syncSummary(result: SyncResult): string {
  const { hosts, added, changed, removed, unchanged, files, failed, dryRun } = result;
  const counts =
    `${added.length} added, ${changed.length} changed, ${removed.length} removed, ` +
    `${unchanged.length} unchanged`;
  const where = files.map(({ path, outcome }) => `${path} (${outcome})`).join(', ');
  const missing = failed.length === 0 ? '' : `; ${failed.length} could not be read`;
  const end = dryRun ? '; nothing was written' : '';
  return `${hosts.length} hosts: ${counts}; ${where}${missing}${end}`;
}

/** What failed for all is worse than for some; undefined where nothing did. */
export function syncExitCode(
  { failed }: SyncResult,
  { accounts, failures, fixedHosts = [] }: SyncRequest,
): number | undefined {
  if (failed.length === 0) return undefined;
  const isAll = failed.length === accounts.length + failures.length && fixedHosts.length === 0;
  if (!isAll) return EXIT.partial;
  const isForPerson = failed.every(({ exitCode }) => exitCode === EXIT.needsPerson);
  return isForPerson ? EXIT.needsPerson : EXIT.failed;
}

function skippedLines({ skipped, filtered }: SyncResult): string[] {
  const lines = skipped.slice(0, MAX_SKIPPED_LINES).map(({ instanceId, name, reason }) => {
    const who =
      name === null || instanceId === null ? (name ?? instanceId) : `${name} (${instanceId})`;
    return `skipped ${who ?? ''}: ${reason}`;
  });
  const unsaid = skipped.length - MAX_SKIPPED_LINES;
  return [
    ...lines,
    ...(unsaid > 0 ? [`skipped ${unsaid} more; --json lists them`] : []),
    ...(filtered > 0 ? [`left out ${filtered} by their tags`] : []),
  ];
}

/** Of a first sync, all is new. */
function nameLines({ added, changed, removed, unchanged }: SyncResult): string[] {
  const lines = {
    added: changed.length + removed.length + unchanged.length > 0 ? added : [],
    changed,
    removed,
  };
  return Object.entries(lines).flatMap(([what, names]) => {
    if (names.length === 0) return [];
    const more = names.length - MAX_NAMES;
    const shown = names.slice(0, MAX_NAMES).join(', ');
    return [`${what} ${shown}${more > 0 ? ` and ${more} more` : ''}`];
  });
}

function failureLine({ fleet, region, message, code, next }: SyncFailure): string {
  const who = [...(fleet === null ? [] : [`fleet ${fleet}`]), ...(region === null ? [] : [region])];
  const step = next === null ? '' : ` Next: ${next}`;
  return `devaccess: ${who.join(' in ')}: ${message} [${code}]; its entries stay as they were.${step}`;
}
