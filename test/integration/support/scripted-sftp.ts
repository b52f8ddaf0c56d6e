import { posix } from 'node:path';
import type { SshCall } from './fake-ssh.ts';

/** A node of the server's tree. A directory lists `names`, where these are given, else its children. */
export interface ScriptedNode {
  data?: Buffer;
  mode?: number;
  mtime?: number;
  /** What a listing says instead of the real children. */
  names?: (string | Buffer)[];
}

export interface ScriptedRequest {
  id: number;
  /** Name of the packet, as `open`. */
  type: string;
  path: string;
  offset: number;
  length: number;
}

export interface ScriptedOptions {
  extensions?: Record<string, string>;
  /** Answers a request instead of the server: a packet, a status, or not at all. */
  intercept?: (request: ScriptedRequest, call: SshCall) => Buffer | number | 'ignore' | undefined;
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
export const text = (value: string | Buffer): Buffer =>
  Buffer.concat([u32(Buffer.from(value as string).length), Buffer.from(value as string)]);
export const packet = (type: number, ...fields: Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.of(type), ...fields]);
  return Buffer.concat([u32(body.length), body]);
};

const TYPES: Record<number, string> = {
  1: 'init',
  3: 'open',
  4: 'close',
  5: 'read',
  6: 'write',
  7: 'lstat',
  8: 'fstat',
  9: 'setstat',
  10: 'fsetstat',
  11: 'opendir',
  12: 'readdir',
  13: 'remove',
  14: 'mkdir',
  16: 'realpath',
  17: 'stat',
  18: 'rename',
  200: 'extended',
};

/** An SFTP server in memory, written from the draft a second time, that can be told to misbehave. */
export class ScriptedSftp {
  readonly nodes: Map<string, ScriptedNode>;
  readonly #options: ScriptedOptions;

  constructor(nodes: Record<string, ScriptedNode>, options: ScriptedOptions = {}) {
    this.nodes = new Map(Object.entries(nodes));
    this.#options = options;
  }

  serve(call: SshCall): void {
    let pending = Buffer.alloc(0);
    const handles = new Map<string, { path: string; listed: boolean }>();
    call.onInput((chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
        const end = 4 + pending.readUInt32BE(0);
        const answer = this.#answer(pending.subarray(4, end), handles, call);
        pending = pending.subarray(end);
        if (answer !== undefined) call.stdout(answer);
      }
    });
  }

  #answer(
    body: Buffer,
    handles: Map<string, { path: string; listed: boolean }>,
    call: SshCall,
  ): Buffer | undefined {
    const type = TYPES[body.readUInt8(0)] ?? 'unknown';
    if (type === 'init') {
      const extensions = Object.entries(this.#options.extensions ?? {}).flat();
      return packet(2, u32(3), ...extensions.map((part) => text(part)));
    }
    const id = body.readUInt32BE(1);
    let at = 5;
    const string = (): Buffer => {
      const length = body.readUInt32BE(at);
      at += 4 + length;
      return body.subarray(at - length, at);
    };
    const extension = type === 'extended' ? string().toString() : undefined;
    const subject = string().toString();
    const path = handles.get(subject)?.path ?? subject;
    const hasOffset = type === 'read' || type === 'write';
    const offset = hasOffset ? Number(body.readBigUInt64BE(at)) : 0;
    const length = hasOffset ? body.readUInt32BE(at + 8) : 0;
    const request = { id, type: extension ?? type, path, offset, length };
    const status = (code: number): Buffer =>
      packet(101, u32(id), u32(code), text(code === 0 ? 'Success' : `status ${code}`), text(''));
    const intercepted = this.#options.intercept?.(request, call);
    if (intercepted === 'ignore') return undefined;
    if (typeof intercepted === 'number') return status(intercepted);
    if (intercepted !== undefined) return intercepted;
    const node = this.nodes.get(path);
    switch (request.type) {
      case 'open': {
        const flags = body.readUInt32BE(at);
        if (node === undefined && (flags & 8) === 0) return status(2);
        if (node === undefined) this.nodes.set(path, { data: Buffer.alloc(0), mode: 0o100600 });
        handles.set(`${path}#`, { path, listed: false });
        return packet(102, u32(id), text(`${path}#`));
      }
      case 'opendir':
        handles.set(`${path}#`, { path, listed: false });
        return packet(102, u32(id), text(`${path}#`));
      case 'readdir': {
        const handle = handles.get(subject)!;
        if (handle.listed) return status(1);
        handle.listed = true;
        const names = node?.names ?? this.#children(path);
        const entries = names.flatMap((name) => [
          text(name),
          text('shown to nobody'),
          attributes(this.nodes.get(posix.join(path, name.toString()))),
        ]);
        return names.length === 0 ? status(1) : packet(104, u32(id), u32(names.length), ...entries);
      }
      case 'stat':
      case 'lstat':
      case 'fstat':
        return node === undefined ? status(2) : packet(105, u32(id), attributes(node));
      case 'read': {
        const data = node?.data?.subarray(offset, offset + length) ?? Buffer.alloc(0);
        return data.length === 0 ? status(1) : packet(103, u32(id), text(data));
      }
      case 'write': {
        const written = body.subarray(at + 12, at + 12 + length);
        const old = node?.data ?? Buffer.alloc(0);
        const data = Buffer.alloc(Math.max(old.length, offset + length));
        old.copy(data);
        written.copy(data, offset);
        this.nodes.set(path, { ...node, data });
        return status(0);
      }
      case 'realpath':
        return packet(104, u32(id), u32(1), text(posix.resolve('/', path)), text(''), u32(0));
      case 'rename':
      case 'posix-rename@openssh.com': {
        const target = string().toString();
        if (node === undefined) return status(2);
        if (type === 'rename' && this.nodes.has(target)) return status(4);
        this.nodes.delete(path);
        this.nodes.set(target, node);
        return status(0);
      }
      case 'remove':
        return status(this.nodes.delete(path) ? 0 : 2);
      case 'mkdir':
        this.nodes.set(path, { mode: 0o040755 });
        return status(0);
      case 'close':
      case 'setstat':
      case 'fsetstat':
        return status(0);
      default:
        return status(8);
    }
  }

  #children(folder: string): string[] {
    return [...this.nodes.keys()]
      .filter((path) => path !== folder && posix.dirname(path) === folder)
      .map((path) => posix.basename(path));
  }
}

// flags (size, permissions, times) · size · permissions · atime · mtime
function attributes(node: ScriptedNode = { data: Buffer.alloc(1) }): Buffer {
  const mode = node.mode ?? (node.data === undefined ? 0o040755 : 0o100644);
  const time = u32(node.mtime ?? 1_600_000_000);
  return Buffer.concat([u32(13), u64(node.data?.length ?? 0), u32(mode), time, time]);
}
