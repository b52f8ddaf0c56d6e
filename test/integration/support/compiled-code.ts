import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../../bin/', import.meta.url));
const FOLDER = 'DEVACCESS_TEST_COMPILED_CODE';

/**
 * Runs once before all tests (vitest.config.ts): has the built programs keep their compiled code,
 * which each of the hundreds of fresh homes would otherwise make anew.
 */
export default function makeCompiledCode(): () => void {
  const home = mkdtempSync(join(tmpdir(), 'devaccess-compiled-'));
  const env = { PATH: process.env['PATH'], HOME: home };
  for (const args of [
    ['devaccess.js', 'status'],
    ['devaccess-proxy.js', '--warm-up'],
  ]) {
    spawnSync(process.execPath, [join(BIN, args[0]!), ...args.slice(1)], { env });
  }
  process.env[FOLDER] = join(home, '.cache', 'devaccess');
  return () => rmSync(home, { recursive: true, force: true });
}

/** Gives a home the compiled code that was made for all of them, as if a command had run there. */
export function shareCompiledCode(home: string): void {
  const folder = process.env[FOLDER];
  if (folder === undefined) return;
  const cache = join(home, '.cache', 'devaccess');
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) linkSync(join(folder, name), join(cache, name));
  } catch {
    // A home that takes nothing, or has it already: programs then start as they always can.
  }
}
