import { spawn } from 'node:child_process';
import { isIP } from 'node:net';
import { createInterface } from 'node:readline';
import type { Environment } from '../platform/paths.ts';

/** What the system's resolver says of a name. */
export type NameAnswer =
  | { state: 'found'; addresses: string[] }
  /** `ENOTFOUND`, `EAI_AGAIN`, … */
  | { state: 'failed'; code: string }
  | { state: 'silent' };

/** Prints a line for each name as soon as it is known. */
const PROGRAM = `
const { lookup } = require('node:dns');
for (const name of process.argv.slice(1)) {
  lookup(name, { all: true }, (error, found) => {
    const answer = error ? { code: error.code } : { addresses: found.map((each) => each.address) };
    process.stdout.write(JSON.stringify({ name, ...answer }) + '\\n');
  });
}`;

/**
 * Looks names up as every connection here does, by the system's resolver. In a process of its own:
 * a resolver that does not answer cannot be given up otherwise, and would hold this one at its end.
 *
 * @param timeoutMs for all of them together
 */
export async function lookUpNames(
  hosts: readonly string[],
  env: Environment,
  timeoutMs: number,
): Promise<ReadonlyMap<string, NameAnswer>> {
  const answers = new Map<string, NameAnswer>();
  const names: string[] = [];
  for (const host of new Set(hosts)) {
    if (isIP(host) === 0) names.push(host);
    else answers.set(host, { state: 'found', addresses: [host] });
  }
  if (names.length === 0) return answers;
  const { NODE_OPTIONS: _ofThisProcess, ...rest } = env;
  const child = spawn(process.execPath, ['-e', PROGRAM, '--', ...names], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // As many at a time as there are names.
    env: { ...rest, UV_THREADPOOL_SIZE: '16' },
    windowsHide: true,
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const isOver = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { name, addresses, code } = JSON.parse(line) as {
      name: string;
      addresses?: string[];
      code?: string;
    };
    const found = addresses !== undefined && addresses.length > 0;
    answers.set(
      name,
      found ? { state: 'found', addresses } : { state: 'failed', code: code ?? '' },
    );
  });
  await isOver;
  clearTimeout(timer);
  for (const name of names) {
    if (!answers.has(name)) answers.set(name, { state: 'silent' });
  }
  return answers;
}
