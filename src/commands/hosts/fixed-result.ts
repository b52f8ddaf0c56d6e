/** What `hosts add` and `hosts remove` do once the config file is changed: the entries follow. */
import { readConfig } from '../../config/config-file.ts';
import { syncHosts } from '../../hosts/sync.ts';
import type { SkippedHost } from '../../hosts/sync-result.ts';
import type { WrittenFile } from '../../hosts/write-texts.ts';
import { printable } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { fixedRequest } from './sync-request.ts';
import { syncWorld } from './sync-world.ts';

/** What `devaccess hosts add --json` and `hosts remove --json` print. */
export interface FixedHostsResult {
  added: string[];
  changed: string[];
  removed: string[];
  unchanged: string[];
  /** Fixed hosts without an entry. */
  skipped: SkippedHost[];
  /** The config file first. */
  files: WrittenFile[];
  notices: string[];
}

/** @param config what became of the config file @param root of the installed package */
export async function writeFixedHosts(
  config: Pick<WrittenFile, 'path' | 'outcome'>,
  root: string,
  env: Environment,
): Promise<FixedHostsResult> {
  const synced = await syncHosts(fixedRequest(readConfig(env), env), syncWorld(root, env));
  const { added, changed, removed, unchanged, skipped, notices } = synced;
  const files = [config, ...synced.files];
  return { added, changed, removed, unchanged, skipped, files, notices };
}

/** One line for a person. */
export function fixedSummary({ added, changed, removed, files }: FixedHostsResult): string {
  const counts = Object.entries({ added, changed, removed })
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.join(', ')}`);
  const written = files
    .filter(({ outcome }) => outcome !== 'unchanged')
    .map(({ path, outcome }) => `${path} (${outcome})`);
  const what = counts.length === 0 ? 'no entry changed' : counts.join('; ');
  return printable(
    [what, written.length === 0 ? 'no file changed' : written.join(', ')].join('; '),
  );
}

export function fixedRemarks({ skipped, notices }: FixedHostsResult): string[] {
  return [
    ...skipped.map(({ name, reason }) => `${name ?? ''} has no entry: ${reason}`),
    ...notices,
  ].map((text) => printable(`devaccess: ${text}`));
}
