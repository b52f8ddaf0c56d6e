/** `[hosts.NAME]` as commands write it. */
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { hostSettings } from './host-settings.ts';
import { tablesOf, withoutTable, withTable } from './toml-tables.ts';
import { hostName } from './values.ts';

/** By key of `[hosts.NAME]`. */
export type FixedHostValues = Readonly<Record<string, string | number | boolean>>;

/**
 * Checks what flags say of a fixed host, as the config file is checked.
 *
 * @param values by key; undefined for flags that were not given
 * @throws DevaccessError DA_USAGE
 */
export function readHostFlags(
  name: string,
  values: Readonly<Record<string, string | number | boolean | undefined>>,
): FixedHostValues {
  const given = Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  );
  const named = v.safeParse(hostName, name);
  if (!named.success) throw usage(`${JSON.stringify(name)} ${named.issues[0].message}`);
  const result = v.safeParse(hostSettings, given);
  if (result.success) return given as FixedHostValues;
  const [issue] = result.issues;
  const key = issue.path?.[0]?.key as string | undefined;
  throw usage(`${key === undefined ? name : `--${key}`}: ${issue.message}`);
}

/**
 * Adds a fixed host to the text of a config file; one that is there and the same stays as it is.
 *
 * @throws DevaccessError DA_HOST_EXISTS; TomlEditError
 */
export function withFixedHost(
  text: string,
  name: string,
  values: FixedHostValues,
  replace: boolean,
): string {
  const present = fixedHosts(text);
  const alike = Object.keys(present).find((key) => key.toLowerCase() === name.toLowerCase());
  if (alike !== undefined && isDeepStrictEqual(present[alike], values) && alike === name)
    return text;
  if (alike !== undefined && (!replace || alike !== name)) {
    throw new DevaccessError('DA_HOST_EXISTS', `There is a fixed host '${alike}' already`, {
      next: alike === name ? 'add --replace, or choose another name' : 'choose another name',
      exitCode: EXIT.usage,
    });
  }
  return withTable(text, 'hosts', name, values);
}

/** Takes fixed hosts out of the text of a config file. @throws TomlEditError */
export function withoutFixedHosts(text: string, names: readonly string[]): string {
  return names.reduce(
    (rest, name) =>
      Object.hasOwn(fixedHosts(rest), name) ? withoutTable(rest, 'hosts', name) : rest,
    text,
  );
}

function fixedHosts(text: string): Record<string, unknown> {
  const hosts = (tablesOf(text)['hosts'] ?? {}) as Record<string, Record<string, unknown>>;
  // smol-toml makes objects of a prototype of their own.
  return Object.fromEntries(Object.entries(hosts).map(([name, host]) => [name, { ...host }]));
}

function usage(message: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, {
    next: 'see devaccess hosts add --help',
    exitCode: EXIT.usage,
  });
}
