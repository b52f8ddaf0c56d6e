/**
 * How fast one session moves data through `devaccess-proxy`, beside a bare `ws` client that moves
 * the same frames to the same far end with one SHA-256 and one acknowledgement for each message:
 * unpaced on loopback and with round trips of 50 ms; and paced as against the real service, beside
 * the official client where `aws` and `session-manager-plugin` are on PATH. The runs take turns; the
 * far end takes the time, from the first data message to the last.
 *
 *   node scripts/run-ts.js test/bench/throughput.ts [--runs N] [--mebibytes N] [--json FILE]
 *                                    [--only loopback,far,paced]
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { decodeMessage } from '../../src/session/protocol/message/message.ts';
import { slowPath } from '../integration/support/network-path.ts';
import {
  acknowledgement,
  bareFrame,
  message,
  startFarEnd,
  streamUrl,
  targetFor,
} from './far-end.ts';
import type { Transfer } from './far-end.ts';
import { report, rowsOf, Samples } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    mebibytes: { type: 'string', default: '64' },
    json: { type: 'string' },
    only: { type: 'string' },
    role: { type: 'string' },
    url: { type: 'string' },
    port: { type: 'string' },
    rtt: { type: 'string', default: '0' },
  },
});
const self = fileURLToPath(import.meta.url);
const WINDOW = 4096;
const DIRECTIONS = [
  ['up', '1'],
  ['down', '2'],
] as const;
/** Enough for the bucket's burst to be a small part of it. */
const PACED_MIB = 12;

if (flags.role === 'far-end') {
  process.send?.(await startFarEnd((transfer) => process.send?.(transfer)));
} else if (flags.role === 'path') {
  const path = await slowPath(() => Number(flags.port), Number(flags.rtt));
  process.send?.(path.port);
} else if (flags.role === 'bare') {
  await bareClient(new URL(flags.url ?? ''));
  process.exit(0);
} else {
  await compare();
}

/** The least that a client of this protocol can do. */
async function bareClient(url: URL): Promise<void> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send('{}');
  const toSend = url.searchParams.get('mode') === '1' ? Number(url.searchParams.get('kib')) : 0;
  const payload = Buffer.alloc(1024, 7);
  const template = message('input_stream_data', 1, 1, payload);
  let sent = 0;
  let acknowledged = 0;
  const fill = (): void => {
    while (sent < toSend && sent - acknowledged < WINDOW && socket.bufferedAmount < 1 << 20) {
      socket.send(bareFrame(template, payload));
      sent += 1;
    }
  };
  let isReady = false;
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const decoded = decodeMessage(data);
      if (!decoded.ok) throw new Error(decoded.reason);
      const { messageType, messageId, payloadType, sequenceNumber } = decoded.message;
      if (messageType === 'acknowledge') {
        if (!isReady) return;
        acknowledged += 1;
        if (acknowledged === toSend) resolve();
        fill();
        return;
      }
      if (messageType === 'channel_closed') {
        resolve();
        return;
      }
      const ack = acknowledgement('output_stream_data', messageId, sequenceNumber);
      const frame = Buffer.concat([template.subarray(0, 120), ack]);
      frame.write('acknowledge'.padEnd(32), 4);
      hash('sha256', ack, 'buffer').copy(frame, 80);
      frame.writeUInt32BE(ack.length, 116);
      socket.send(frame);
      if (payloadType === 5) socket.send(message('input_stream_data', 0, 6, Buffer.from('{}')));
      if (payloadType === 7) {
        isReady = true;
        fill();
      }
    });
  });
  socket.close();
}

/** A far end in a process of its own, and the port to reach it by. */
interface FarEnd {
  process: ChildProcess;
  port: number;
  close(): void;
}

async function startRole(...args: string[]): Promise<{ process: ChildProcess; port: number }> {
  const child = fork(self, args);
  const [port] = (await once(child, 'message')) as [number];
  return { process: child, port };
}

async function nearEnd(): Promise<FarEnd> {
  const end = await startRole('--role', 'far-end');
  return { ...end, close: () => end.process.kill() };
}

async function farEnd(roundTripMs: number): Promise<FarEnd> {
  const end = await startRole('--role', 'far-end');
  const rtt = String(roundTripMs);
  const path = await startRole('--role', 'path', '--port', String(end.port), '--rtt', rtt);
  return {
    process: end.process,
    port: path.port,
    close: () => {
      path.process.kill();
      end.process.kill();
    },
  };
}

async function compare(): Promise<void> {
  const samples = new Samples();
  const only = flags.only?.split(',');
  const isWanted = (name: string): boolean => only === undefined || only.includes(name);
  if (isWanted('loopback')) await unpaced(samples, await nearEnd(), 'loopback');
  if (isWanted('far')) await unpaced(samples, await farEnd(50), '50 ms round trips');
  if (isWanted('paced')) await paced(samples);
  const peerOf = (name: string): string | undefined =>
    ['bare ws', 'official client']
      .map((peer) => name.replace('devaccess-proxy', peer))
      .find((peer) => peer !== name && samples.names.includes(peer));
  report('Throughput of one session', 'MiB/s', {
    rows: rowsOf(samples, peerOf),
    samples,
    file: flags.json,
    facts: { runs: Number(flags.runs), mebibytes: Number(flags.mebibytes) },
  });
}

async function unpaced(samples: Samples, end: FarEnd, where: string): Promise<void> {
  const mebibytes = Number(flags.mebibytes);
  const kibibytes = mebibytes * 1024;
  for (let run = 0; run < Number(flags.runs); run += 1) {
    for (const [direction, mode] of DIRECTIONS) {
      const url = streamUrl(end.port, mode, kibibytes);
      const bare = await timed(end, fork(self, ['--role', 'bare', '--url', url]));
      samples.record(`bare ws ${direction}, ${where}`, mebibytes / bare.seconds);
      const own = await timed(end, proxy(end.port, mode, kibibytes, 'off'));
      samples.record(`devaccess-proxy ${direction}, ${where}`, mebibytes / own.seconds);
    }
  }
  end.close();
}

/** As against the service: a small upload, and what a long one comes to once the burst is spent. */
async function paced(samples: Samples): Promise<void> {
  const end = await nearEnd();
  const clients = new Map([
    ['devaccess-proxy', (kib: number) => proxy(end.port, '1', kib, '900')],
    ...(hasOfficialClient()
      ? [['official client', (kib: number) => officialClient(end.port, kib)] as const]
      : []),
  ]);
  for (const [name, upload] of clients) {
    const long = await timed(end, upload(PACED_MIB * 1024));
    samples.record(`${name}, paced, sustained`, (PACED_MIB - 1) / long.sustainedSeconds);
    for (let run = 0; run < Number(flags.runs); run += 1) {
      const short = await timed(end, upload(512));
      samples.record(`${name}, paced, 512 KiB`, 0.5 / short.seconds);
    }
  }
  end.close();
}

function proxy(port: number, mode: string, kibibytes: number, pace: string): ChildProcess {
  const script = join(process.cwd(), 'bin', 'devaccess-proxy.js');
  const args = [script, '--target', targetFor(kibibytes), '--port', mode, '--pace', pace];
  return client(process.execPath, args, port, mode === '1' ? kibibytes : 0);
}

function hasOfficialClient(): boolean {
  return ['aws', 'session-manager-plugin'].every(
    (tool) => spawnSync('/bin/sh', ['-c', `command -v ${tool}`]).status === 0,
  );
}

function officialClient(port: number, kibibytes: number): ChildProcess {
  const document = ['--document-name', 'AWS-StartSSHSession', '--parameters', 'portNumber=1'];
  const args = ['ssm', 'start-session', '--target', targetFor(kibibytes), ...document];
  return client('aws', args, port, kibibytes);
}

/** A client as a process, its standard input fed with so much. */
function client(program: string, args: string[], port: number, kibibytes: number): ChildProcess {
  const env = {
    ...process.env,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
  };
  // The official client has a child of its own.
  const child = spawn(program, args, {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  child.stdout.resume();
  const block = Buffer.alloc(65_536, 7);
  let left = (kibibytes * 1024) / block.length;
  const pour = (): void => {
    while (left > 0) {
      left -= 1;
      if (!child.stdin.write(block)) return;
    }
  };
  child.stdin.on('drain', pour);
  // It is stopped as soon as all has arrived.
  child.stdin.on('error', () => undefined);
  pour();
  return child;
}

/** Waits for one transfer, and for the client's end. */
async function timed(end: FarEnd, child: ChildProcess): Promise<Transfer> {
  const exited = once(child, 'exit');
  const arrived = once(end.process, 'message') as Promise<[Transfer]>;
  await Promise.race([arrived, exited]);
  // What a client that ends by itself has moved is told by then, or never.
  const [transfer] = await Promise.race([arrived, failAfter(1_000)]);
  if (child.exitCode === null && child.pid !== undefined) stop(child.pid);
  await exited;
  return transfer;
}

function failAfter(milliseconds: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(
      () => reject(new Error('a client ended without its transfer')),
      milliseconds,
    ).unref();
  });
}

/** Ends a process and what it started; a forked one has no group of its own. */
function stop(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    process.kill(pid, 'SIGTERM');
  }
}
