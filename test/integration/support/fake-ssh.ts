import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Joins its stdin to a socket; what comes back says whether it is for stdout, stderr or the exit. */
const SCRIPT = `#!${process.execPath}
const socket = require('node:net').connect(process.env.FAKE_SSH);
socket.write(JSON.stringify(process.argv.slice(2)) + '\\n');
process.stdin.pipe(socket);
let pending = Buffer.alloc(0);
socket.on('data', (chunk) => {
  pending = Buffer.concat([pending, chunk]);
  while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
    const end = 5 + pending.readUInt32BE(1);
    const data = pending.subarray(5, end);
    if (pending[0] === 1) process.stdout.write(data);
    if (pending[0] === 2) process.stderr.write(data);
    if (pending[0] === 3) process.exit(data[0]);
    pending = pending.subarray(end);
  }
});
socket.on('close', () => process.exit(255));
`;

/** One run of the stand-in for ssh. */
export class SshCall {
  readonly args: readonly string[];
  readonly #socket: Socket;

  constructor(args: readonly string[], socket: Socket) {
    this.args = args;
    this.#socket = socket;
  }

  get isSftp(): boolean {
    return this.args.at(-1) === 'sftp' && this.args.includes('-s');
  }

  get isBatch(): boolean {
    return this.args.includes('BatchMode=yes');
  }

  onInput(take: (bytes: Buffer) => void): void {
    this.#socket.on('data', take);
  }

  stdout(bytes: Buffer | string): void {
    this.#send(1, Buffer.from(bytes as string));
  }

  stderr(text: string): void {
    this.#send(2, Buffer.from(text));
  }

  exit(code: number): void {
    this.#send(3, Buffer.of(code));
  }

  #send(kind: number, data: Buffer): void {
    if (!this.#socket.writable) return;
    const header = Buffer.alloc(5);
    header.writeUInt8(kind);
    header.writeUInt32BE(data.length, 1);
    this.#socket.write(Buffer.concat([header, data]));
  }
}

/** A program named ssh, first on the PATH, played by this process: for servers that misbehave. */
export class FakeSsh {
  readonly calls: SshCall[] = [];
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string, server: Server) {
    this.#folder = folder;
    this.#server = server;
  }

  static async install(onCall: (call: SshCall) => void): Promise<FakeSsh> {
    const folder = mkdtempSync(join(tmpdir(), 'devaccess-fake-'));
    writeFileSync(join(folder, 'ssh'), SCRIPT);
    chmodSync(join(folder, 'ssh'), 0o755);
    const fake: FakeSsh = new FakeSsh(
      folder,
      createServer((socket) => {
        socket.on('error', () => undefined);
        let head = Buffer.alloc(0);
        const onData = (chunk: Buffer): void => {
          head = Buffer.concat([head, chunk]);
          const end = head.indexOf('\n');
          if (end < 0) return;
          socket.off('data', onData);
          const call = new SshCall(
            JSON.parse(head.subarray(0, end).toString()) as string[],
            socket,
          );
          fake.calls.push(call);
          onCall(call);
          if (head.length > end + 1) socket.emit('data', head.subarray(end + 1));
        };
        socket.on('data', onData);
      }),
    );
    await new Promise<void>((resolve) => fake.#server.listen(fake.#socketPath, resolve));
    return fake;
  }

  get env(): Record<string, string> {
    return {
      PATH: `${this.#folder}${delimiter}${process.env['PATH'] ?? ''}`,
      FAKE_SSH: this.#socketPath,
    };
  }

  get #socketPath(): string {
    return join(this.#folder, 'socket');
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
