import { confirm } from '../../cli/confirm.ts';
import { editConfig, previewConfig } from '../../config/edit-config.ts';
import { checkFleetName, withFleet } from '../../config/fleet-edit.ts';
import { readFleetFlags } from '../../config/fleet-flags.ts';
import type { Environment } from '../../platform/paths.ts';
import { unifiedDiff } from '../../platform/unified-diff.ts';
import type { SetupAnswers } from './setup-answers.ts';

/** What `devaccess setup --json` prints. */
export interface SetupResult {
  fleet: string;
  path: string;
  outcome: 'created' | 'changed' | 'unchanged';
  dryRun: boolean;
  /** What was changed, or would be. */
  diff: string;
}

interface SetupPlace {
  env: Environment;
  dryRun: boolean;
  /** Whether nobody is to be asked. */
  isSure: boolean;
  show: (diff: string) => void;
}

/**
 * Writes a fleet into the config file, once the person has seen what that changes.
 *
 * @param name undefined: that of the profile
 * @throws DevaccessError DA_USAGE, DA_CANCELLED, DA_NO_TERMINAL (exit 3) and those of `editConfig`
 */
export async function setUpFleet(
  name: string | undefined,
  { profile, regions, route, bastion }: SetupAnswers,
  { env, dryRun, isSure, show }: SetupPlace,
): Promise<SetupResult> {
  const fleet = checkFleetName(name ?? profile.replaceAll(/[^A-Za-z0-9._-]+/g, '-'));
  readFleetFlags({ profile, regions, route, bastion });
  const [only] = regions;
  const isOne = regions.length === 1;
  const places = { region: isOne ? only : undefined, regions: isOne ? undefined : regions };
  const edit = (text: string): string =>
    withFleet(text, fleet, { profile, ...places, route, bastion });
  const { path, before, after } = previewConfig(env, edit);
  const diff = before === after ? '' : unifiedDiff(path, before, after);
  if (diff !== '') show(diff);
  if (dryRun || diff === '') {
    const outcome = diff === '' ? 'unchanged' : before === '' ? 'created' : 'changed';
    return { fleet, path, outcome, dryRun, diff };
  }
  if (!isSure) await confirm('Write this?', 'run the same with --yes');
  const written = await editConfig(env, edit);
  return { fleet, ...written, dryRun, diff };
}
