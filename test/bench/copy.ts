/**
 * `devaccess cp` over one session and over eight, up and down, with the sandbox's agent paced as the
 * real one (1000 messages of 1024 bytes a second) and the proxy at its own pace of 900; and unpaced
 * beside `scp`, in turns. Every run is a whole command, from start to exit, checksum included.
 *
 *   node scripts/run-ts.js test/bench/copy.ts [--mebibytes N] [--sessions N] [--runs N] [--json FILE]
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Person } from '../integration/support/person.ts';

const { values: flags } = parseArgs({
  options: {
    mebibytes: { type: 'string', default: '256' },
    sessions: { type: 'string', default: '8' },
    runs: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});
const MIB = 1024 * 1024;
const mebibytes = Number(flags.mebibytes);
/** One session moves so much in half a minute. */
const aloneMebibytes = Math.min(mebibytes, 24);
const directions = ['up', 'down'] as const;
type Direction = (typeof directions)[number];

interface Row {
  name: string;
  mebibytes: number;
  /** MiB a second, of the fastest, middle and slowest run. */
  max: number;
  median: number;
  min: number;
}

interface Run {
  file: string;
  /** Mebibytes. */
  size: number;
  program: 'scp' | 'devaccess';
  sessions: string;
  env: Record<string, string>;
}

const rows = [...(await paced()), ...(await unpaced())];
report();

async function paced(): Promise<Row[]> {
  const person = await Person.arrive({ agent: { pace: 'real' } });
  await person.startDay();
  // On loopback the proxy does not pace itself; against the service it does.
  const env = { DEVACCESS_PACE: '900' };
  const found: Row[] = [];
  for (const direction of directions) {
    for (const [sessions, size] of [
      ['1', aloneMebibytes],
      [flags.sessions, mebibytes],
    ] as const) {
      const file = makeFile(person, size);
      const rate = await copied(person, direction, {
        file,
        size,
        program: 'devaccess',
        sessions,
        env,
      });
      found.push(rowOf(`paced, ${sessions} sessions, ${direction}`, size, [rate]));
    }
  }
  await person.leave();
  return found;
}

async function unpaced(): Promise<Row[]> {
  const person = await Person.arrive();
  await person.startDay();
  const rates: Record<string, number[]> = {};
  const file = makeFile(person, mebibytes);
  for (let run = 0; run < Number(flags.runs); run += 1) {
    for (const direction of directions) {
      for (const [program, sessions] of [
        ['scp', ''],
        ['devaccess', '1'],
        ['devaccess', '4'],
      ] as const) {
        const name =
          program === 'scp' ? `scp, ${direction}` : `unpaced, ${sessions} sessions, ${direction}`;
        const options = { file, size: mebibytes, program, sessions, env: {} };
        const rate = await copied(person, direction, options);
        (rates[name] ??= []).push(rate);
      }
    }
  }
  await person.leave();
  return Object.entries(rates).map(([name, values]) => rowOf(name, mebibytes, values));
}

function makeFile({ home }: Person, size: number): string {
  const folder = join(home, 'bench');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `file-${size}`);
  const file = openSync(path, 'w');
  for (let part = 0; part < size; part += 1) writeSync(file, randomBytes(MIB));
  closeSync(file);
  return path;
}

/** Runs one copy to its end. */
async function copied(
  person: Person,
  direction: Direction,
  { file, size, program, sessions, env }: Run,
): Promise<number> {
  const remote = `bastion:${file}`;
  const target = `${file}.${direction}`;
  const operands = direction === 'up' ? [file, `bastion:${target}`] : [remote, target];
  const config = join(person.home, '.ssh', 'config');
  const args =
    program === 'scp'
      ? ['-q', ...operands]
      : ['cp', '-F', config, '--sessions', sessions, ...operands];
  const startMs = performance.now();
  const { code, stderr } = await person.run(program, args, { env });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  const rate = size / ((performance.now() - startMs) / 1000);
  process.stderr.write(`${program} ${sessions} ${direction}: ${rate.toFixed(2)} MiB/s\n`);
  return rate;
}

function rowOf(name: string, size: number, rates: readonly number[]): Row {
  const sorted = rates.toSorted((left, right) => left - right);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { name, mebibytes: size, min: sorted[0] ?? 0, median, max: sorted.at(-1) ?? 0 };
}

/** Each row against its peer: many paced sessions against one, copies against scp. */
function share({ name, median }: Row): string {
  const direction = name.split(' ').at(-1) ?? '';
  const peer = name.startsWith('paced') ? `paced, 1 sessions, ${direction}` : `scp, ${direction}`;
  const base = rows.find((row) => row.name === peer)?.median ?? 0;
  return (median / base).toFixed(2);
}

function report(): void {
  const columns = (cells: readonly string[]): string =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(30) : cell.padStart(9))).join('');
  const text = [
    columns(['MiB/s', 'MiB', 'min', 'median', 'max', 'of peer']),
    ...rows.map((row) =>
      columns([
        row.name,
        String(row.mebibytes),
        ...[row.min, row.median, row.max].map((rate) => rate.toFixed(2)),
        share(row),
      ]),
    ),
  ];
  process.stdout.write(`${text.join('\n')}\n`);
  if (flags.json === undefined) return;
  const facts = {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    rows: rows.map((row) => ({ ...row, ofPeer: Number(share(row)) })),
  };
  writeFileSync(flags.json, `${JSON.stringify(facts, undefined, 2)}\n`);
}
