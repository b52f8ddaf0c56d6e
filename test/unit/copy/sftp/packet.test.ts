import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SftpProtocolError } from '../../../../src/copy/sftp/errors.ts';
import { encodePacket, PacketDecoder } from '../../../../src/copy/sftp/packet.ts';
import { WireWriter } from '../../../../src/copy/sftp/wire.ts';

/** The same framing, written a second time. */
function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

describe('packets', () => {
  it('are a length, a type, and fields', () => {
    expect(encodePacket(16, new WireWriter().uint32(7).string('a')).toString('hex')).toBe(
      '0000000a' + '10' + '00000007' + '0000000161',
    );
  });

  it('are read however the bytes are cut', () => {
    const bodies = fc.array(
      fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(bodies, fc.array(fc.nat()), (packets, cuts) => {
        const bytes = Buffer.concat(packets.map(framed));
        const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
        edges.sort((a, b) => a - b);
        const decoder = new PacketDecoder();
        const read = edges
          .slice(1)
          .flatMap((edge, index) => [...decoder.push(bytes.subarray(edges[index], edge))]);
        expect(read).toEqual(packets);
      }),
    );
  });

  it.each([
    ['none', '00000000', 'a packet of 0 bytes'],
    ['more than 256 KiB', '00040001', 'a packet of 262145 bytes'],
    ['a greeting of the shell', Buffer.from('Welcome').toString('hex'), "text ('Welc…')"],
  ])('are refused with a length of %s, before anything is kept of them', (_, hex, message) => {
    expect(() => [...new PacketDecoder().push(Buffer.from(hex, 'hex'))]).toThrow(
      new SftpProtocolError(
        message + (message.startsWith('text') ? ' where a packet should begin' : ''),
      ),
    );
  });

  it('may be 256 KiB long', () => {
    const body = Buffer.alloc(256 * 1024, 1);
    const [read] = new PacketDecoder().push(framed(body));
    expect(read?.equals(body)).toBe(true);
  });
});
