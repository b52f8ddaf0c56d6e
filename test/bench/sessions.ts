/**
 * What `devaccess forward --sessions N` gains where one session is capped: many parallel downloads
 * through the sandbox's agent at the real one's pace (at most 1000 messages of 1024 bytes a second
 * from each session). The ratio is the rate with N sessions to N times the rate with one, of the same
 * round; the rounds take turns.
 *
 *   node scripts/run-ts.js test/bench/sessions.ts [--rounds N] [--seconds N] [--connections N]
 *                                 [--sessions 1,2,4,8] [--json FILE]
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startLocalAws } from '../../src/sandbox/local-aws.ts';
import { SEED } from '../../src/sandbox/seed.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '32' },
    sessions: { type: 'string', default: '1,2,4,8' },
    json: { type: 'string' },
    role: { type: 'string' },
    home: { type: 'string' },
  },
});
const BLOCK = Buffer.alloc(64 * 1024, 7);

interface Aws {
  env: Record<string, string>;
  target: string;
}

if (flags.role === 'aws') await serveAws(flags.home ?? '');
else await compare();

/** The paced AWS, in a process of its own. */
async function serveAws(home: string): Promise<void> {
  const { sandbox, hosts } = await startLocalAws({
    stateDir: join(home, 'sandbox'),
    awsDir: join(home, 'aws'),
    requireMfa: false,
    agent: { pace: 'real' },
  });
  const bastion = hosts.hosts.find(({ name }) => name === SEED.bastionName);
  const { accessKeyId, secretAccessKey } = sandbox.accessKey;
  const aws: Aws = {
    target: bastion?.instanceId ?? '',
    env: {
      ...sandbox.environment,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  };
  process.send?.(aws);
}

async function compare(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'devaccess-bench-'));
  const service = fork(fileURLToPath(import.meta.url), ['--role', 'aws', '--home', home]);
  const source = await startSource();
  const counts = flags.sessions.split(',').map(Number);
  const rates = new Map<number, number[]>(counts.map((count) => [count, []]));
  try {
    const [aws] = (await once(service, 'message')) as [Aws];
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      for (const count of counts) {
        const { port } = source.address() as AddressInfo;
        rates.get(count)?.push(await rateOf(aws, home, port, count));
      }
    }
  } finally {
    service.kill();
    source.close();
    rmSync(home, { recursive: true, force: true });
  }
  report(rates);
}

/** Pours into every connection what it takes. */
async function startSource(): Promise<Server> {
  const server = createServer((socket: Socket) => {
    const pour = (): void => {
      while (socket.writable && socket.write(BLOCK));
    };
    socket.on('drain', pour);
    socket.on('error', () => undefined);
    pour();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** KiB a second through one forward with so many sessions, all connections together. */
async function rateOf(aws: Aws, home: string, port: number, sessions: number): Promise<number> {
  const cli = join(process.cwd(), 'bin', 'devaccess.js');
  const args = [cli, 'forward', aws.target, `0:${port}`, '--sessions', String(sessions), '--json'];
  const env = { PATH: process.env['PATH'], ...aws.env, HOME: home };
  const forward = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(forward, 'exit');
  let received = 0;
  const sockets: Socket[] = [];
  try {
    const local = await listeningPort(createInterface({ input: forward.stdout }));
    for (let index = 0; index < Number(flags.connections); index += 1) {
      const socket = connect(local, '127.0.0.1');
      socket.on('data', (chunk) => (received += chunk.length));
      sockets.push(socket);
    }
    // All connections flow before the clock starts.
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    const startBytes = received;
    const startMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, Number(flags.seconds) * 1000));
    return (received - startBytes) / 1024 / ((performance.now() - startMs) / 1000);
  } finally {
    for (const socket of sockets) socket.destroy();
    forward.kill('SIGINT');
    await exited;
  }
}

async function listeningPort(lines: AsyncIterable<string>): Promise<number> {
  for await (const line of lines) {
    const event = JSON.parse(line) as { event?: string; port?: number };
    if (event.event === 'listening' && event.port !== undefined) return event.port;
  }
  throw new Error('the forward ended before it listened');
}

interface Spread {
  min: number;
  median: number;
  max: number;
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((left, right) => left - right);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { min: sorted[0] ?? 0, median, max: sorted.at(-1) ?? 0 };
}

function report(rates: ReadonlyMap<number, number[]>): void {
  const ones = rates.get(1) ?? [];
  const rows = [...rates].map(([sessions, values]) => ({
    sessions,
    kibPerSecond: spread(values),
    ratio: spread(values.map((value, round) => value / (sessions * (ones[round] ?? NaN)))),
  }));
  const columns = ['min', 'median', 'max'] as const;
  const head = columns.map((name) => name.padStart(9)).join('');
  process.stdout.write(`${'sessions'.padEnd(10)}${head} KiB/s${head} of N × one\n`);
  for (const { sessions, kibPerSecond, ratio } of rows) {
    const speeds = columns.map((name) => kibPerSecond[name].toFixed(0).padStart(9)).join('');
    const ratios = columns.map((name) => ratio[name].toFixed(3).padStart(9)).join('');
    process.stdout.write(`${String(sessions).padEnd(10)}${speeds}      ${ratios}\n`);
  }
  const facts = {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    connections: Number(flags.connections),
    seconds: Number(flags.seconds),
    rows,
  };
  if (flags.json !== undefined)
    writeFileSync(flags.json, `${JSON.stringify(facts, undefined, 2)}\n`);
}
