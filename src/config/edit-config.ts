/** Changes that commands make to the person's config file; all other bytes of it stay. */
import { DevaccessError } from '../platform/errors.ts';
import { configFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { editFile, readTextFile } from '../platform/safe-file.ts';
import type { EditResult } from '../platform/safe-file.ts';
import { readConfig } from './config-file.ts';
import { parseConfig } from './parse-config.ts';
import { TomlEditError } from './toml-tables.ts';

/**
 * Changes the config file, which is valid before and after, or is not changed.
 *
 * @param edit pure, from the present text, which is empty where there is no file, to the wanted one
 * @throws DevaccessError DA_CONFIG_EDIT, those of `readConfig`, `edit` and `editFile`
 */
export async function editConfig(
  env: Environment,
  edit: (text: string) => string,
): Promise<Pick<EditResult, 'path' | 'outcome'>> {
  const path = configFile(env);
  refuseUnfit(env);
  const change = (text: string): string => {
    parseConfig(text, path);
    const changed = attempt(edit, text, path);
    parseConfig(changed, path);
    return changed;
  };
  const { path: written, outcome } = await editFile(path, change, { mode: 'keep' });
  return { path: written, outcome };
}

/** What `editConfig` would do. @throws DevaccessError as `editConfig` */
export function previewConfig(
  env: Environment,
  edit: (text: string) => string,
): { path: string; before: string; after: string } {
  const path = configFile(env);
  refuseUnfit(env);
  const before = readTextFile(path) ?? '';
  const after = attempt(edit, before, path);
  parseConfig(after, path);
  return { path, before, after };
}

/** One that is not used must not be written either; one that is not there is made. */
function refuseUnfit(env: Environment): void {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof DevaccessError) || error.code !== 'DA_NO_CONFIG') throw error;
  }
}

function attempt(edit: (text: string) => string, text: string, path: string): string {
  try {
    return edit(text);
  } catch (error) {
    if (!(error instanceof TomlEditError)) throw error;
    throw new DevaccessError(
      'DA_CONFIG_EDIT',
      `${path}:${error.line} is written in a way that devaccess cannot change by itself`,
      { next: 'make the change there by hand, or write it as a table of its own', cause: error },
    );
  }
}
