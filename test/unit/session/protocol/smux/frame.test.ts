import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeSmuxFrame,
  SMUX_COMMAND,
  SmuxDecoder,
  SmuxFramingError,
} from '../../../../../src/session/protocol/smux/frame.ts';
import type { SmuxFrame } from '../../../../../src/session/protocol/smux/frame.ts';
import { readVector } from '../../../../vectors/read-vector.ts';

interface Step {
  note: string;
  hex?: string;
  headerHex?: string;
  payloadRepeats?: string;
}

const transcript = readVector('session-manager/smux-transcript.json') as Step[];

function recorded(step: Step): { bytes: Buffer; frame: SmuxFrame } {
  const [, name, sid, len] = /^(\w+) sid=(\d+) len=(\d+)$/.exec(step.note)!;
  const command = SMUX_COMMAND[name!.toLowerCase() as keyof typeof SMUX_COMMAND];
  const bytes =
    step.hex === undefined
      ? Buffer.concat([
          Buffer.from(step.headerHex!, 'hex'),
          Buffer.alloc(Number(len), step.payloadRepeats, 'hex'),
        ])
      : Buffer.from(step.hex, 'hex');
  return { bytes, frame: { command, streamId: Number(sid), data: bytes.subarray(8) } };
}

const anyFrame = fc.record<SmuxFrame>({
  command: fc.constantFrom(...Object.values(SMUX_COMMAND)),
  streamId: fc.nat({ max: 0xffff_ffff }),
  data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

describe('smux v1 frames', () => {
  it.each(transcript)('writes and reads the recorded frame: $note', (step) => {
    const { bytes, frame } = recorded(step);
    expect(encodeSmuxFrame(frame.command, frame.streamId, frame.data)).toEqual(bytes);
    expect([...new SmuxDecoder().push(bytes)]).toEqual([frame]);
  });

  it('reads frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame), fc.array(fc.nat()), (frames, cuts) => {
        const bytes = Buffer.concat(
          frames.map((frame) => encodeSmuxFrame(frame.command, frame.streamId, frame.data)),
        );
        const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
          (a, b) => a - b,
        );
        const decoder = new SmuxDecoder();
        const read = edges
          .slice(1)
          .flatMap((edge, index) => [...decoder.push(bytes.subarray(edges[index], edge))]);
        expect(read).toEqual(frames);
      }),
    );
  });

  it('ends on a wrong version or command, and on nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          Array.from(new SmuxDecoder().push(Buffer.from(bytes)));
        } catch (error) {
          expect(error).toBeInstanceOf(SmuxFramingError);
        }
      }),
    );
    expect(() => [...new SmuxDecoder().push(Buffer.from('0200000003000000', 'hex'))]).toThrow(
      'version 2',
    );
    expect(() => [...new SmuxDecoder().push(Buffer.from('0104000003000000', 'hex'))]).toThrow(
      'command 4',
    );
  });
});
