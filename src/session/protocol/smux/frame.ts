/** smux v1 frames (docs/protocol.md §6): the stream layer inside a multiplexed Port session. */

export const SMUX_VERSION = 1;
export const SMUX_HEADER_BYTES = 8;
/** The most that a frame can hold. */
export const SMUX_MAX_LENGTH = 0xffff;

export const SMUX_COMMAND = { syn: 0, fin: 1, psh: 2, nop: 3 } as const;
export type SmuxCommand = (typeof SMUX_COMMAND)[keyof typeof SMUX_COMMAND];

export interface SmuxFrame {
  command: SmuxCommand;
  streamId: number;
  /** Empty for everything but PSH. */
  data: Buffer;
}

/** The peer broke the framing; the session cannot go on. */
export class SmuxFramingError extends Error {
  override readonly name = 'SmuxFramingError';
}

const NO_DATA = Buffer.alloc(0);

// Header: version (1) · command (1) · length u16 LE (2) · stream id u32 LE (4)
/** Encodes one frame; PSH data is at most 65535 bytes. */
export function encodeSmuxFrame(
  command: SmuxCommand,
  streamId: number,
  data: Buffer = NO_DATA,
): Buffer {
  if (data.length > SMUX_MAX_LENGTH) throw new RangeError('smux frame longer than 65535 bytes');
  const frame = Buffer.allocUnsafe(SMUX_HEADER_BYTES + data.length);
  frame.writeUInt8(SMUX_VERSION, 0);
  frame.writeUInt8(command, 1);
  frame.writeUInt16LE(data.length, 2);
  frame.writeUInt32LE(streamId, 4);
  data.copy(frame, SMUX_HEADER_BYTES);
  return frame;
}

/**
 * Turns a byte stream into frames. Frames cross message boundaries freely, so bytes of an
 * unfinished frame are kept: at most one header and 65535 bytes.
 */
export class SmuxDecoder {
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /**
   * Takes the next bytes and yields every frame they complete.
   * @throws SmuxFramingError for a version other than 1 or an unknown command
   */
  *push(bytes: Buffer): Generator<SmuxFrame> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    while (this.#pendingBytes >= SMUX_HEADER_BYTES) {
      const header = this.#front(SMUX_HEADER_BYTES);
      if (header.readUInt8(0) !== SMUX_VERSION) {
        throw new SmuxFramingError(`smux version ${header.readUInt8(0)} instead of 1`);
      }
      const command = header.readUInt8(1);
      if (!isSmuxCommand(command)) throw new SmuxFramingError(`unknown smux command ${command}`);
      const length = header.readUInt16LE(2);
      if (this.#pendingBytes < SMUX_HEADER_BYTES + length) return;
      const frame = this.#front(SMUX_HEADER_BYTES + length);
      this.#drop(SMUX_HEADER_BYTES + length);
      yield {
        command,
        streamId: frame.readUInt32LE(4),
        data: frame.subarray(SMUX_HEADER_BYTES, SMUX_HEADER_BYTES + length),
      };
    }
  }

  /** The first `count` bytes in one piece; they stay pending. */
  #front(count: number): Buffer {
    const first = this.#pending[0];
    if (first !== undefined && first.length >= count) return first;
    const joined = Buffer.concat(this.#pending);
    this.#pending = [joined];
    return joined;
  }

  #drop(count: number): void {
    const first = this.#front(count);
    this.#pending[0] = first.subarray(count);
    if (first.length === count) this.#pending.shift();
    this.#pendingBytes -= count;
  }
}

function isSmuxCommand(value: number): value is SmuxCommand {
  return value >= SMUX_COMMAND.syn && value <= SMUX_COMMAND.nop;
}
