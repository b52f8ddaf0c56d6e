import * as v from 'valibot';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { fleetSettings } from './fleet-settings.ts';
import type { FleetSettings } from './fleet-settings.ts';

/** Keys whose flags can be given several times, and so have a name of their own. */
const FLAG_NAMES: Readonly<Record<string, string>> = {
  regions: 'region',
  states: 'state',
  tags: 'tag',
};

/**
 * What flags say of a fleet, checked as the config file is.
 *
 * @param values by key of `[fleets.NAME]`; undefined for flags that were not given
 * @throws DevaccessError DA_USAGE
 */
export function readFleetFlags(values: Readonly<Record<string, unknown>>): FleetSettings {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const result = v.safeParse(fleetSettings, Object.fromEntries(given));
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = (issue.path?.[0]?.key ?? '') as string;
  throw new DevaccessError('DA_USAGE', `--${FLAG_NAMES[key] ?? key}: ${issue.message}`, {
    next: 'see devaccess hosts sync --help',
    exitCode: EXIT.usage,
  });
}
