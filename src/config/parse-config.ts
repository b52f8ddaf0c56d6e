import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { DevaccessError } from '../platform/errors.ts';
import { settings } from './settings.ts';
import type { Settings } from './settings.ts';
import { lineOf } from './toml-statements.ts';

/** Faults that one error tells of; a file with more has been misunderstood as a whole. */
const MAX_FAULTS = 5;

/**
 * Reads the text of a config file.
 *
 * @param path names the file in errors
 * @throws DevaccessError DA_CONFIG_INVALID with file, line, key and what is allowed
 */
export function parseConfig(text: string, path: string): Settings {
  const result = v.safeParse(settings, parseToml(text, path));
  if (result.success) return result.output;
  const faults = result.issues.map((issue) => {
    const keys = (issue.path ?? []).map(({ key }) => key as string | number);
    const line = lineOf(text, keys) ?? 1;
    return `${path}:${line}: ${keyText(keys)} ${issue.message}`;
  });
  const more = faults.length - MAX_FAULTS;
  throw invalid([...faults.slice(0, MAX_FAULTS), ...(more > 0 ? [`and ${more} more`] : [])]);
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what = ''] = error.message.split('\n');
    const reason = what.replace(/^Invalid TOML document: /, '');
    throw invalid([`${path}:${error.line}:${error.column}: ${reason}`]);
  }
}

function invalid(faults: string[]): DevaccessError {
  return new DevaccessError('DA_CONFIG_INVALID', faults.join('; '), {
    next: 'correct the file; its keys are in docs/config.md',
  });
}

/** As TOML writes it: `tunnels.db.ports[1]`. */
function keyText(keys: readonly (string | number)[]): string {
  return keys
    .map((key, at) => {
      if (typeof key === 'number') return `[${key}]`;
      const shown = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
      return at === 0 ? shown : `.${shown}`;
    })
    .join('');
}
