import { encodeAttributes } from './attributes.ts';
import type { SftpAttributes } from './attributes.ts';
import {
  EXTENSION,
  MAX_PACKET_BYTES,
  PACKET,
  SAFE_BLOCK_BYTES,
  SFTP_VERSION,
  STATUS,
} from './constants.ts';
import { SftpProtocolError, SftpStatusError } from './errors.ts';
import { encodePacket, PacketDecoder } from './packet.ts';
import { decodeResponse } from './response.ts';
import type { SftpName, SftpResponse } from './response.ts';
import { WireReader, WireWriter } from './wire.ts';

/** What a server lets one connection do (limits@openssh.com); Infinity where it tells nothing. */
export interface SftpLimits {
  /** Bytes of a file in one READ or WRITE. */
  readBytes: number;
  writeBytes: number;
  openHandles: number;
}

interface Pending {
  resolve: (response: SftpResponse) => void;
  reject: (error: Error) => void;
}

/** The header of a DATA or WRITE packet fits into this, its handle included. */
const PACKET_OVERHEAD_BYTES = 1024;
const MAX_BLOCK_BYTES = MAX_PACKET_BYTES - PACKET_OVERHEAD_BYTES;
const MAX_EXTENSIONS = 256;

/**
 * The client's side of one SFTP v3 connection, without IO: bytes of the server come in by
 * {@link receive}, packets for it go out by `send`. Requests may be made at any time after
 * {@link start}; any number can be under way, and answers may come in any order.
 *
 * Every request rejects with SftpStatusError where the server refuses it, and with the error given
 * to {@link end} when the connection is over.
 */
export class SftpClient {
  readonly #send: (packet: Buffer) => void;
  readonly #decoder = new PacketDecoder();
  readonly #pending = new Map<number, Pending>();
  readonly #extensions = new Map<string, string>();
  #nextId = 0;
  #greeted: ((result: Error | undefined) => void) | undefined;
  #isReady = false;
  #ended: Error | undefined;

  /** @param send takes one packet for the server */
  constructor(send: (packet: Buffer) => void) {
    this.#send = send;
  }

  /** Greets the server; resolves when it has greeted back. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#greeted = (error) => (error === undefined ? resolve() : reject(error));
      this.#send(encodePacket(PACKET.init, new WireWriter().uint32(SFTP_VERSION)));
    });
  }

  /**
   * Takes bytes of the server.
   *
   * @throws SftpProtocolError when it breaks the protocol; the connection is then to be ended
   */
  receive(bytes: Buffer): void {
    for (const packet of this.#decoder.push(bytes)) {
      if (this.#isReady) this.#answer(packet);
      else this.#greet(packet);
    }
  }

  /** Nothing will come any more: everything under way fails with `error`, as what is asked later. */
  end(error: Error): void {
    this.#ended ??= error;
    this.#greeted?.(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether the server offers an extension, whatever its version. */
  offers(extension: string): boolean {
    return this.#extensions.has(extension);
  }

  /** The server's own limits; where it tells none, those every server keeps. */
  async limits(): Promise<SftpLimits> {
    const safe = {
      readBytes: SAFE_BLOCK_BYTES,
      writeBytes: SAFE_BLOCK_BYTES,
      openHandles: Infinity,
    };
    if (!this.offers(EXTENSION.limits)) return safe;
    const reply = await this.#extended(EXTENSION.limits);
    // max-packet · max-read · max-write · max-open-handles, each u64; 0: not limited
    reply.roughUint64();
    const block = (value: number): number =>
      value === 0 ? SAFE_BLOCK_BYTES : Math.min(value, MAX_BLOCK_BYTES);
    const readBytes = block(reply.roughUint64());
    const writeBytes = block(reply.roughUint64());
    return { readBytes, writeBytes, openHandles: reply.roughUint64() || Infinity };
  }

  /** @param flags of OPEN in constants.ts */
  async open(path: string, flags: number, attributes: SftpAttributes = {}): Promise<Buffer> {
    const fields = new WireWriter().string(path).uint32(flags).append(encodeAttributes(attributes));
    return handleOf(await this.#request(PACKET.open, fields));
  }

  close(handle: Buffer): Promise<void> {
    return this.#command(PACKET.close, new WireWriter().string(handle));
  }

  /** Up to `length` bytes from `offset` on; none at the end of the file. */
  async read(handle: Buffer, offset: number, length: number): Promise<Buffer> {
    const fields = new WireWriter().string(handle).uint64(offset).uint32(length);
    const response = await this.#request(PACKET.read, fields);
    if (isEndOfFile(response)) return Buffer.alloc(0);
    if (response.kind !== 'data') throw unexpected(response);
    const { data } = response;
    if (data.length === 0 || data.length > length) {
      throw new SftpProtocolError(`${data.length} bytes instead of up to ${length}`);
    }
    return data;
  }

  write(handle: Buffer, offset: number, data: Buffer): Promise<void> {
    const fields = new WireWriter().string(handle).uint64(offset).string(data);
    return this.#command(PACKET.write, fields);
  }

  /** Follows links. */
  async stat(path: string): Promise<SftpAttributes> {
    return attributesOf(await this.#request(PACKET.stat, new WireWriter().string(path)));
  }

  async lstat(path: string): Promise<SftpAttributes> {
    return attributesOf(await this.#request(PACKET.lstat, new WireWriter().string(path)));
  }

  async fstat(handle: Buffer): Promise<SftpAttributes> {
    return attributesOf(await this.#request(PACKET.fstat, new WireWriter().string(handle)));
  }

  setstat(path: string, attributes: SftpAttributes): Promise<void> {
    const fields = new WireWriter().string(path).append(encodeAttributes(attributes));
    return this.#command(PACKET.setstat, fields);
  }

  fsetstat(handle: Buffer, attributes: SftpAttributes): Promise<void> {
    const fields = new WireWriter().string(handle).append(encodeAttributes(attributes));
    return this.#command(PACKET.fsetstat, fields);
  }

  mkdir(path: string, attributes: SftpAttributes): Promise<void> {
    const fields = new WireWriter().string(path).append(encodeAttributes(attributes));
    return this.#command(PACKET.mkdir, fields);
  }

  remove(path: string): Promise<void> {
    return this.#command(PACKET.remove, new WireWriter().string(path));
  }

  /** Fails where the new name exists (§6.5). */
  rename(from: string, to: string): Promise<void> {
    return this.#command(PACKET.rename, new WireWriter().string(from).string(to));
  }

  /** Takes the place of a file of that name, atomically. Only where it is offered. */
  async posixRename(from: string, to: string): Promise<void> {
    await this.#extendedCommand(EXTENSION.posixRename, new WireWriter().string(from).string(to));
  }

  /** Brings a file to the server's disk. Only where it is offered. */
  async fsync(handle: Buffer): Promise<void> {
    await this.#extendedCommand(EXTENSION.fsync, new WireWriter().string(handle));
  }

  async openDirectory(path: string): Promise<Buffer> {
    return handleOf(await this.#request(PACKET.opendir, new WireWriter().string(path)));
  }

  /** The next entries of a directory, those for itself and its parent included; none at its end. */
  async readDirectory(handle: Buffer): Promise<SftpName[]> {
    const fields = new WireWriter().string(handle);
    const response = await this.#request(PACKET.readdir, fields);
    if (isEndOfFile(response)) return [];
    if (response.kind !== 'names') throw unexpected(response);
    if (response.names.length === 0) throw new SftpProtocolError('an answer without names');
    return response.names;
  }

  /** The absolute form of a path, as the server sent it. */
  async realPath(path: string): Promise<Buffer> {
    const fields = new WireWriter().string(path);
    return onlyName(await this.#request(PACKET.realpath, fields));
  }

  /** The path that `~user/…` stands for. Only where it is offered. */
  async expandPath(path: string): Promise<Buffer> {
    const fields = new WireWriter().string(EXTENSION.expandPath).string(path);
    return onlyName(await this.#request(PACKET.extended, fields));
  }

  /** Bytes that this login may still write to the file system of a path. Only where it is offered. */
  async freeBytes(path: string): Promise<number> {
    const reply = await this.#extended(EXTENSION.statvfs, new WireWriter().string(path));
    // f_bsize · f_frsize · f_blocks · f_bfree · f_bavail · …, each u64
    const [, fragmentBytes = 0, , , available = 0] = Array.from({ length: 5 }, () =>
      reply.roughUint64(),
    );
    return fragmentBytes * available;
  }

  async #command(type: number, fields: WireWriter): Promise<void> {
    const response = await this.#request(type, fields);
    if (response.kind !== 'status' || response.status !== STATUS.ok) throw unexpected(response);
  }

  #extendedCommand(extension: string, fields: WireWriter): Promise<void> {
    const request = new WireWriter().string(extension).append(fields);
    return this.#command(PACKET.extended, request);
  }

  async #extended(extension: string, fields = new WireWriter()): Promise<WireReader> {
    const request = new WireWriter().string(extension).append(fields);
    const response = await this.#request(PACKET.extended, request);
    if (response.kind !== 'extended') throw unexpected(response);
    return response.fields;
  }

  // id u32 · fields
  #request(type: number, fields: WireWriter): Promise<SftpResponse> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#freeId();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send(encodePacket(type, new WireWriter().uint32(id).append(fields)));
    });
  }

  #freeId(): number {
    do this.#nextId = (this.#nextId + 1) >>> 0;
    while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }

  #answer(packet: Buffer): void {
    const { id, response } = decodeResponse(packet);
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new SftpProtocolError('an answer to no request');
    this.#pending.delete(id);
    pending.resolve(response);
  }

  // version u32 · (name · data)*
  #greet(packet: Buffer): void {
    const reader = new WireReader(packet);
    if (reader.byte() !== PACKET.version) throw new SftpProtocolError('no greeting');
    const version = reader.uint32();
    // A server answers with the lower of the two versions (§4).
    if (version !== SFTP_VERSION) throw new SftpProtocolError(`version ${version}`);
    for (let count = 0; reader.remaining > 0 && count < MAX_EXTENSIONS; count += 1) {
      this.#extensions.set(reader.string().toString('utf8'), reader.string().toString('utf8'));
    }
    this.#isReady = true;
    this.#greeted?.(undefined);
  }
}

function isEndOfFile(response: SftpResponse): boolean {
  return response.kind === 'status' && response.status === STATUS.eof;
}

function handleOf(response: SftpResponse): Buffer {
  if (response.kind !== 'handle') throw unexpected(response);
  return response.handle;
}

function attributesOf(response: SftpResponse): SftpAttributes {
  if (response.kind !== 'attributes') throw unexpected(response);
  return response.attributes;
}

function onlyName(response: SftpResponse): Buffer {
  const [first] = response.kind === 'names' ? response.names : [];
  if (first === undefined) throw unexpected(response);
  return first.name;
}

/** A refusal is the server's right; a wrong kind of answer is not. */
function unexpected(response: SftpResponse): Error {
  if (response.kind === 'status' && response.status !== STATUS.ok) {
    return new SftpStatusError(response.status, response.text);
  }
  return new SftpProtocolError(`an answer of the wrong kind (${response.kind})`);
}
