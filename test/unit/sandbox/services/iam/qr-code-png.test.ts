import { crc32, inflateSync } from 'node:zlib';
import { encode } from 'uqr';
import { describe, expect, it } from 'vitest';
import { qrCodePng } from '../../../../../src/sandbox/services/iam/qr-code-png.ts';

const TEXT = 'otpauth://totp/Amazon%20Web%20Services:phone@123456789012?secret=ABCDEFGHIJKLMNOP';
const PIXELS = 4;

/** The chunks of a PNG by type; fails for a wrong checksum. */
function chunksOf(png: Buffer): Map<string, Buffer> {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.set(body.subarray(0, 4).toString('latin1'), body.subarray(4));
    at += length + 12;
  }
  return chunks;
}

describe('the picture of a QR code', () => {
  it('shows every module, black on white, with a quiet zone around', () => {
    const chunks = chunksOf(qrCodePng(TEXT));
    const { data, size } = encode(TEXT, { ecc: 'L', border: 4 });
    const width = size * PIXELS;
    expect(chunks.get('IHDR')!.readUInt32BE(0)).toBe(width);
    const rows = inflateSync(chunks.get('IDAT')!);
    expect(rows).toHaveLength((width + 1) * width);
    const pixel = (x: number, y: number): number | undefined => rows[y * (width + 1) + 1 + x];
    const shown = data.map((row, y) =>
      row.map((_dark, x) => pixel(x * PIXELS + 3, y * PIXELS + 3) === 0),
    );
    expect(shown).toEqual(data);
    expect(data[3]!.some(Boolean)).toBe(false);
    expect(data[4]!.some(Boolean)).toBe(true);
  });
});
