/** `[fleets.NAME]` as `devaccess setup` writes it. */
import * as v from 'valibot';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { tablesOf, withTable } from './toml-tables.ts';
import { plainName } from './values.ts';

/** By key of `[fleets.NAME]`. */
export type FleetValues = Readonly<Record<string, string | readonly string[]>>;

/** @throws DevaccessError DA_USAGE */
export function checkFleetName(name: string): string {
  const result = v.safeParse(plainName, name);
  if (result.success) return name;
  throw new DevaccessError('DA_USAGE', `${JSON.stringify(name)} ${result.issues[0].message}`, {
    next: 'choose another with --fleet',
    exitCode: EXIT.usage,
  });
}

/**
 * Puts a fleet into the text of a config file. Of one that is there, keys that are not given stay.
 *
 * @param values undefined takes a key away
 * @throws TomlEditError
 */
export function withFleet(
  text: string,
  name: string,
  values: Readonly<Record<string, FleetValues[string] | undefined>>,
): string {
  const fleets = (tablesOf(text)['fleets'] ?? {}) as Record<string, FleetValues>;
  const merged = { ...fleets[name], ...values };
  const given = Object.entries(merged).filter((entry): entry is [string, FleetValues[string]] => {
    return entry[1] !== undefined;
  });
  return withTable(text, 'fleets', name, Object.fromEntries(given));
}
