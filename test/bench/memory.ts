/**
 * The memory of a `devaccess-proxy`: idle, with its session open, beside a bare Node that has loaded
 * `ws`; and over a long time of traffic both ways through an echo behind the sandbox's agent, with a
 * new socket every minute, which for the session is like an hour.
 *
 *   node scripts/run-ts.js test/bench/memory.ts [--runs N] [--minutes N] [--json FILE]
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startLocalAws } from '../../src/sandbox/local-aws.ts';
import { report, rowsOf, Samples } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
const BARE = 'bare node with ws';
/** Time for a fresh process to come to rest, and between two looks at a busy one. */
const SETTLE_MS = 3_000;

const home = mkdtempSync(join(tmpdir(), 'devaccess-bench-'));
const aws = await startLocalAws({
  stateDir: join(home, 'sandbox'),
  awsDir: join(home, 'user'),
  requireMfa: false,
  gateway: { limits: { socketLifetimeMs: 60_000 } },
});
const echo = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.pipe(socket);
});
echo.listen(0, '127.0.0.1');
await once(echo, 'listening');
const bastion = aws.hosts.hosts.find(({ name }) => name === 'bastion')?.instanceId ?? '';

/** Resident memory in MiB. */
function resident(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

function start(args: string[]): ChildProcessWithoutNullStreams {
  const { accessKeyId, secretAccessKey } = aws.sandbox.accessKey;
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: aws.sandbox.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  return spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] }) as never;
}

function proxy(): ChildProcessWithoutNullStreams {
  const { port } = echo.address() as AddressInfo;
  const script = join(process.cwd(), 'bin', 'devaccess-proxy.js');
  return start([script, '--target', bastion, '--port', String(port), '--pace', '900']);
}

async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}

async function idle(samples: Samples): Promise<void> {
  const bare = start(['-e', "require('ws'); process.stdin.resume(); process.stdout.write('x')"]);
  const own = proxy();
  own.stdin.write('x');
  await Promise.all([once(bare.stdout, 'data'), once(own.stdout, 'data')]);
  await after(SETTLE_MS);
  samples.record(BARE, resident(bare.pid));
  samples.record('devaccess-proxy, idle', resident(own.pid));
  await Promise.all([stop(bare), stop(own)]);
}

/** Looks at the process all the time; says how much came back. */
async function busy(samples: Samples, minutes: number): Promise<number> {
  const own = proxy();
  let bytes = 0;
  own.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const block = Buffer.alloc(65_536, 7);
  const pour = (): void => {
    while (own.stdin.write(block));
  };
  own.stdin.on('drain', pour).on('error', () => undefined);
  pour();
  const startMs = performance.now();
  const totalMs = minutes * 60_000;
  for (;;) {
    await after(SETTLE_MS);
    const share = (performance.now() - startMs) / totalMs;
    if (share > 1) break;
    const sixth = Math.min(6, 1 + Math.floor(share * 6));
    samples.record(`devaccess-proxy, traffic, sixth ${sixth} of ${minutes} min`, resident(own.pid));
  }
  await stop(own);
  return bytes / 1024 / 1024;
}

const samples = new Samples();
for (let run = 0; run < Number(flags.runs); run += 1) await idle(samples);
const mebibytes = await busy(samples, Number(flags.minutes));
report(`Resident memory; ${mebibytes.toFixed(0)} MiB went each way`, 'MiB', {
  rows: rowsOf(samples, (name) => (name === BARE ? undefined : BARE)),
  samples,
  file: flags.json,
  facts: { minutes: Number(flags.minutes), mebibytesEachWay: mebibytes },
});
echo.close();
await aws.close();
rmSync(home, { recursive: true, force: true });
