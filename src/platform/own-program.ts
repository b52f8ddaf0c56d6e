import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * `devaccess` as program and first argument, for a process of ours that must not ask the person
 * itself, whichever bundle it runs from.
 */
export function ownProgram(): readonly [string, string] {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const script = join(folder, 'bin', 'devaccess.js');
    if (existsSync(script) || folder === dirname(folder)) return [process.execPath, script];
  }
}
