import { SftpProtocolError } from './errors.ts';

/** Reads the fields of one packet; every read is bounded by the packet's end. */
export class WireReader {
  readonly #packet: Buffer;
  #position: number;

  constructor(packet: Buffer, position = 0) {
    this.#packet = packet;
    this.#position = position;
  }

  get remaining(): number {
    return this.#packet.length - this.#position;
  }

  byte(): number {
    return this.#packet.readUInt8(this.#advance(1));
  }

  uint32(): number {
    return this.#packet.readUInt32BE(this.#advance(4));
  }

  /** A uint64 that a file's size or offset can be. */
  uint64(): number {
    const value = this.#packet.readBigUInt64BE(this.#advance(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new SftpProtocolError('number too large');
    return Number(value);
  }

  /** A uint64 of which a size is made that may be unlimited: as near as a number comes. */
  roughUint64(): number {
    return Number(this.#packet.readBigUInt64BE(this.#advance(8)));
  }

  /** A view into the packet, not a copy. */
  string(): Buffer {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.#packet.subarray(start, start + length);
  }

  #advance(bytes: number): number {
    const start = this.#position;
    if (bytes > this.remaining) throw new SftpProtocolError('packet ends within a field');
    this.#position += bytes;
    return start;
  }
}

/** Lays the fields of one packet one after another. */
export class WireWriter {
  readonly #parts: Buffer[] = [];

  byte(value: number): this {
    this.#parts.push(Buffer.of(value));
    return this;
  }

  uint32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32BE(value);
    this.#parts.push(part);
    return this;
  }

  uint64(value: number): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64BE(BigInt(value));
    this.#parts.push(part);
    return this;
  }

  string(value: string | Buffer): this {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    this.uint32(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  /** All fields of another. */
  append(fields: WireWriter): this {
    this.#parts.push(...fields.#parts);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
