import type { Config } from '../../config/config-file.ts';
import { readAccounts } from '../../hosts/read-accounts.ts';
import type { ReadAccounts, SyncAccount, SyncProgress } from '../../hosts/read-accounts.ts';
import type { SyncedText } from '../../hosts/synced-hosts.ts';
import type { Environment } from '../../platform/paths.ts';
import { syncRequest } from './sync-request.ts';
import type { SyncFlags } from './sync-request.ts';

/** The accounts that hosts were synced with are asked, and the fleets of the config file. */
export async function liveAccounts(
  texts: readonly SyncedText[],
  config: Config,
  env: Environment,
  onProgress: (progress: SyncProgress) => void,
): Promise<ReadAccounts & { notices: string[] }> {
  const accounts: SyncAccount[] = [];
  const failures: ReadAccounts['failures'] = [];
  const talks: (() => string[])[] = [];
  const settle = async (flags: Partial<SyncFlags>): Promise<void> => {
    const { request, notices } = await syncRequest({ 'dry-run': true, ...flags }, config, env);
    accounts.push(...request.accounts);
    failures.push(...request.failures);
    talks.push(notices);
  };
  if (config.fleets.size > 0) await settle({});
  for (const { hosts } of texts) {
    for (const { profile, region } of hosts) {
      const isSettled =
        region === undefined ||
        accounts.some((each) => each.proxyProfile === profile && each.region === region) ||
        failures.some(
          (each) => each.profile === profile && [region, undefined].includes(each.region),
        );
      if (!isSettled) await settle({ profile, region: [region] });
    }
  }
  const read = await readAccounts(accounts, onProgress);
  return {
    planned: read.planned,
    failures: [...failures, ...read.failures],
    notices: talks.flatMap((talk) => talk()),
  };
}
