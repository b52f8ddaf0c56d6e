import { MAX_PACKET_BYTES } from './constants.ts';
import { SftpProtocolError } from './errors.ts';
import { WireWriter } from './wire.ts';

const LENGTH_BYTES = 4;

// length u32 (of all that follows) · type u8 · fields
/** Frames a packet: its type and its fields. */
export function encodePacket(type: number, fields: WireWriter): Buffer {
  const packet = new WireWriter().uint32(0).byte(type).append(fields).bytes();
  packet.writeUInt32BE(packet.length - LENGTH_BYTES);
  return packet;
}

/** Cuts a byte stream into packets, wherever the stream was cut before. Keeps one packet at most. */
export class PacketDecoder {
  readonly #header = Buffer.alloc(LENGTH_BYTES);
  #headerBytes = 0;
  #packet: Buffer | undefined;
  #packetBytes = 0;

  /**
   * Takes the next bytes and yields every packet they complete, from its type on. A packet may be a
   * view into `bytes`.
   *
   * @throws SftpProtocolError for an empty packet or one above 256 KiB
   */
  *push(bytes: Buffer): Generator<Buffer> {
    let position = 0;
    while (position < bytes.length) {
      if (this.#headerBytes < LENGTH_BYTES) {
        const taken = bytes.copy(this.#header, this.#headerBytes, position);
        this.#headerBytes += taken;
        position += taken;
        if (this.#headerBytes < LENGTH_BYTES) return;
        this.#checkLength();
      }
      const length = this.#header.readUInt32BE(0);
      if (this.#packet === undefined && bytes.length - position >= length) {
        this.#headerBytes = 0;
        position += length;
        yield bytes.subarray(position - length, position);
        continue;
      }
      this.#packet ??= Buffer.allocUnsafe(length);
      const taken = bytes.copy(this.#packet, this.#packetBytes, position);
      this.#packetBytes += taken;
      position += taken;
      if (this.#packetBytes < length) return;
      const packet = this.#packet;
      this.#packet = undefined;
      this.#packetBytes = 0;
      this.#headerBytes = 0;
      yield packet;
    }
  }

  #checkLength(): void {
    const length = this.#header.readUInt32BE(0);
    if (length >= 1 && length <= MAX_PACKET_BYTES) return;
    const text = this.#header.toString('latin1');
    // Typical: a start-up file of the login shell greets, and the greeting is taken for a length.
    if (/^[\x20-\x7e\r\n\t\x1b]{4}$/.test(text)) {
      throw new SftpProtocolError(`text ('${text.trim()}…') where a packet should begin`);
    }
    throw new SftpProtocolError(`a packet of ${length} bytes`);
  }
}
