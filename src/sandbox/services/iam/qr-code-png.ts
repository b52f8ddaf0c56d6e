import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'uqr';

const MODULE_PIXELS = 4;
const QUIET_MODULES = 4;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A QR code as a PNG in black and white. */
export function qrCodePng(text: string): Buffer {
  const { data, size } = encode(text, { ecc: 'L', border: QUIET_MODULES });
  const width = size * MODULE_PIXELS;
  // One byte a pixel (greyscale, 8 bits); each row begins with its filter, 0: none.
  const rows = data.flatMap((row) => {
    const line = Buffer.alloc(width + 1, 0xff);
    line[0] = 0;
    row.forEach((isDark, at) => {
      const start = 1 + at * MODULE_PIXELS;
      if (isDark) line.fill(0, start, start + MODULE_PIXELS);
    });
    return Array.from({ length: MODULE_PIXELS }, () => line);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(width, 4);
  // Bit depth 8, greyscale, deflate, no filter method but 0, not interlaced.
  header.set([8, 0, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}
