import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextFilter } from '../../../src/sandbox/agent/text-filter.ts';

/** The real agent was given the same bytes (docs/protocol.md §6). */
describe("the agent's treatment of output as text", () => {
  it('loses what the real agent loses', () => {
    const bytes = Buffer.concat([Buffer.from('a\ufffdb'), Buffer.from([0xff, 0x63, 0xc3])]);
    expect(new TextFilter().take(bytes).toString('latin1')).toBe('a\xefb');
  });

  it('passes broken bytes that are followed by enough', () => {
    const bytes = Buffer.from([0xff, 0x61, 0x62, 0x63, 0xc3, 0x28, 0x64, 0x65, 0x66]);
    expect(new TextFilter().take(bytes)).toEqual(bytes);
  });

  it('cuts no character, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => !text.includes('\ufffd')),
        fc.array(fc.nat(5), { minLength: 1 }),
        (text, steps) => {
          const bytes = Buffer.from(text);
          const filter = new TextFilter();
          const pieces: Buffer[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const length = 1 + (steps[turn % steps.length] ?? 0);
            pieces.push(filter.take(bytes.subarray(at, at + length)));
            at += length;
          }
          expect(Buffer.concat(pieces).toString()).toBe(text);
          for (const piece of pieces) expect(piece.toString()).not.toContain('\ufffd');
        },
      ),
    );
  });
});
