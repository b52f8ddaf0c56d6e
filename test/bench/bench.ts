/**
 * Every benchmark after the other, each beside its peers in the same run.
 *
 *   npm run bench -- [--only startup,commands,throughput,memory,sessions,copy] [--runs N]
 *                    [--peer NAME=COMMAND]… [--json FOLDER]
 *
 * Tables go to the terminal, and with every sample to FOLDER/PART.json (bench-results by default).
 * `--peer` is one more command that becomes an SSH connection, for the part `startup`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string' },
    peer: { type: 'string', multiple: true, default: [] },
    json: { type: 'string', default: 'bench-results' },
  },
});

/** The flags of each part, beyond `--json`. */
const parts: Record<string, string[]> = {
  startup: [...runs('--runs'), ...flags.peer.flatMap((peer) => ['--peer', peer])],
  commands: runs('--runs'),
  throughput: runs('--runs'),
  memory: runs('--runs'),
  sessions: runs('--rounds'),
  copy: runs('--runs'),
};
const wanted = flags.only?.split(',') ?? Object.keys(parts);
const unknown = wanted.find((name) => !(name in parts));
if (unknown !== undefined) {
  process.stderr.write(`There is no benchmark ${unknown}: ${Object.keys(parts).join(', ')}\n`);
  process.exit(2);
}

mkdirSync(flags.json, { recursive: true });
const failed = wanted.filter((name) => {
  const script = ['scripts/run-ts.js', `test/bench/${name}.ts`];
  const args = [...script, ...(parts[name] ?? []), '--json', join(flags.json, `${name}.json`)];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) process.stderr.write(`failed: ${failed.join(', ')}\n`);
process.exit(failed.length === 0 ? 0 : 1);

function runs(flag: string): string[] {
  return flags.runs === undefined ? [] : [flag, flags.runs];
}
