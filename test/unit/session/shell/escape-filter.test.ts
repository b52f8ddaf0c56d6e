import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EscapeFilter } from '../../../../src/session/shell/escape-filter.ts';

/** What a filter makes of input that comes in these pieces; requests in brackets. */
function typed(...pieces: string[]): string {
  const filter = new EscapeFilter();
  return pieces
    .flatMap((piece) => filter.take(Buffer.from(piece)))
    .map((part) => (Buffer.isBuffer(part) ? part.toString() : `[${part}]`))
    .join('');
}

describe('escapes', () => {
  it.each([
    ['~.', '[leave]'],
    ['ls\r~.', 'ls\r[leave]'],
    ['ls\n~?x', 'ls\n[help]x'],
    ['~\x1a~.', '[suspend][leave]'],
    ['~~.', '~.'],
    ['\r~~~.', '\r~~.'],
    ['a~.', 'a~.'],
    ['~a~.', '~a~.'],
    ['~\r~.', '~\r[leave]'],
    ['cd ~\r', 'cd ~\r'],
  ])('%j is %j', (input, output) => {
    expect(typed(input)).toBe(output);
  });

  it('are found however the input is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('~', '.', '?', '\r', '\n', 'a', '\x1a'), { maxLength: 30 }),
        (keys) => {
          expect(typed(...keys)).toBe(typed(keys.join('')));
        },
      ),
    );
  });

  it('leave every other byte alone', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const plain = Buffer.from(bytes.filter((byte) => byte !== 0x7e));
        const parts = new EscapeFilter().take(plain);
        expect(Buffer.concat(parts as Buffer[]).equals(plain)).toBe(true);
      }),
    );
  });
});
