/**
 * How fast one session moves data through `devaccess-proxy`, unpaced, on loopback, beside a bare
 * `ws` client that moves the same frames to the same far end with one SHA-256 and one
 * acknowledgement for each message. The runs take turns.
 *
 *   node scripts/run-ts.js test/bench/throughput.ts [--runs N] [--mebibytes N] [--json FILE]
 */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { decodeMessage } from '../../src/session/protocol/message/message.ts';
import { acknowledgement, bareFrame, message, startFarEnd } from './far-end.ts';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    mebibytes: { type: 'string', default: '64' },
    json: { type: 'string' },
    role: { type: 'string' },
    port: { type: 'string' },
    mode: { type: 'string' },
  },
});
const bytes = Number(flags.mebibytes) * 1024 * 1024;
const messages = bytes / 1024;
const WINDOW = 4096;

if (flags.role === 'far-end') {
  process.send?.(await startFarEnd(bytes, () => process.send?.('taken')));
} else if (flags.role === 'bare') {
  await bareClient(Number(flags.port), flags.mode ?? '1');
  process.exit(0);
} else {
  await compare();
}

/** The least that a client of this protocol can do. */
async function bareClient(port: number, mode: string): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/x?mode=${mode}`, {
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  socket.send('{}');
  const payload = Buffer.alloc(1024, 7);
  const template = message('input_stream_data', 1, 1, payload);
  let sent = 0;
  let acknowledged = 0;
  const fill = (): void => {
    while (
      mode === '1' &&
      sent < messages &&
      sent - acknowledged < WINDOW &&
      socket.bufferedAmount < 1 << 20
    ) {
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
        if (acknowledged === messages) resolve();
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

async function compare(): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const farEnd = fork(self, ['--role', 'far-end', '--mebibytes', flags.mebibytes]);
  const [port] = (await once(farEnd, 'message')) as [number];
  const rates: Record<string, number[]> = {};
  for (let run = 0; run < Number(flags.runs); run += 1) {
    for (const mode of ['1', '2']) {
      const direction = mode === '1' ? 'up' : 'down';
      const bare = fork(self, [
        '--role',
        'bare',
        '--port',
        String(port),
        '--mode',
        mode,
        '--mebibytes',
        flags.mebibytes,
      ]);
      (rates[`bare ws ${direction}`] ??= []).push(await timed(bare, mode, farEnd));
      (rates[`devaccess-proxy ${direction}`] ??= []).push(
        await timed(proxy(port, mode), mode, farEnd),
      );
    }
  }
  farEnd.kill();
  report(rates);
}

function proxy(port: number, mode: string): ChildProcess {
  const script = join(process.cwd(), 'bin', 'devaccess-proxy.js');
  const args = [script, '--target', 'i-0123456789abcdef0', '--port', mode, '--region', 'us-east-1'];
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
  };
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.resume();
  if (mode === '2') return child;
  const block = Buffer.alloc(65_536, 7);
  let left = bytes / block.length;
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

/** MiB a second from the start of a process to the last byte's arrival, here or there. */
async function timed(child: ChildProcess, mode: string, farEnd: ChildProcess): Promise<number> {
  const startMs = performance.now();
  const exited = once(child, 'exit');
  await (mode === '1' ? once(farEnd, 'message') : exited);
  const seconds = (performance.now() - startMs) / 1000;
  child.kill();
  await exited;
  return bytes / 1024 / 1024 / seconds;
}

function report(rates: Record<string, number[]>): void {
  const rows = Object.entries(rates).map(([name, values]) => {
    const sorted = values.toSorted((left, right) => left - right);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return { name, min: sorted[0] ?? 0, median, max: sorted.at(-1) ?? 0 };
  });
  process.stdout.write(
    'MiB/s'.padEnd(28) +
      'min'.padStart(8) +
      'median'.padStart(8) +
      'max'.padStart(8) +
      'of bare'.padStart(10) +
      '\n',
  );
  for (const row of rows) {
    const bare = rows.find(({ name }) => name === `bare ws ${row.name.split(' ').at(-1) ?? ''}`);
    const share = bare === undefined ? '' : (row.median / bare.median).toFixed(2);
    process.stdout.write(
      row.name.padEnd(28) +
        [row.min, row.median, row.max].map((value) => value.toFixed(1).padStart(8)).join('') +
        share.padStart(10) +
        '\n',
    );
  }
  const facts = {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    mebibytes: Number(flags.mebibytes),
    rows,
  };
  if (flags.json !== undefined)
    writeFileSync(flags.json, `${JSON.stringify(facts, undefined, 2)}\n`);
}
