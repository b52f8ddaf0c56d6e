import { ATTRIBUTE } from './constants.ts';
import { SftpProtocolError } from './errors.ts';
import type { WireReader } from './wire.ts';
import { WireWriter } from './wire.ts';

/** What SFTP v3 tells and sets of a file (§5); absent is what the server does not tell. */
export interface SftpAttributes {
  size?: number;
  /** Type and permission bits. */
  mode?: number;
  /** Seconds since the epoch. */
  atimeS?: number;
  mtimeS?: number;
}

/** Pairs of an extended attribute that are skipped over; more is no server's. */
const MAX_EXTENDED = 64;
const MAX_TIME_S = 0xffff_ffff;

// flags u32 · [size u64] · [uid u32 · gid u32] · [permissions u32] · [atime u32 · mtime u32]
/** Owners are never sent, so that files belong to whom the server says. */
export function encodeAttributes({ size, mode, atimeS, mtimeS }: SftpAttributes): WireWriter {
  const writer = new WireWriter();
  const hasTimes = atimeS !== undefined && mtimeS !== undefined;
  const flags =
    (size === undefined ? 0 : ATTRIBUTE.size) |
    (mode === undefined ? 0 : ATTRIBUTE.permissions) |
    (hasTimes ? ATTRIBUTE.times : 0);
  writer.uint32(flags);
  if (size !== undefined) writer.uint64(size);
  if (mode !== undefined) writer.uint32(mode);
  if (hasTimes) writer.uint32(seconds(atimeS)).uint32(seconds(mtimeS));
  return writer;
}

/** @throws SftpProtocolError when they do not end within the packet */
export function decodeAttributes(reader: WireReader): SftpAttributes {
  const flags = reader.uint32();
  const attributes: SftpAttributes = {};
  if ((flags & ATTRIBUTE.size) !== 0) attributes.size = reader.uint64();
  if ((flags & ATTRIBUTE.owner) !== 0) {
    reader.uint32();
    reader.uint32();
  }
  if ((flags & ATTRIBUTE.permissions) !== 0) attributes.mode = reader.uint32();
  if ((flags & ATTRIBUTE.times) !== 0) {
    attributes.atimeS = reader.uint32();
    attributes.mtimeS = reader.uint32();
  }
  if ((flags & ATTRIBUTE.extended) !== 0) {
    const count = reader.uint32();
    if (count > MAX_EXTENDED) throw new SftpProtocolError('too many extended attributes');
    for (let index = 0; index < count; index += 1) {
      reader.string();
      reader.string();
    }
  }
  return attributes;
}

/** What a uint32 can say of a moment: 1970 to 2106. */
function seconds(value: number): number {
  return Math.min(Math.max(Math.floor(value), 0), MAX_TIME_S);
}
