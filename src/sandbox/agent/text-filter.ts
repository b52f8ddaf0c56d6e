import { isUtf8 } from 'node:buffer';

/** The longest character of UTF-8. */
const MAX_CHARACTER_BYTES = 4;
const REPLACEMENT_CHARACTER = Buffer.from('\ufffd');

/**
 * How shells and commands of the real agent treat their output as UTF-8 (docs/protocol.md §6): no
 * character is cut by the end of a message, and what is no character passes byte by byte; but within
 * the last three bytes it waits for more, so that it is lost at the end of the stream. U+FFFD itself
 * loses all but its first byte.
 */
export class TextFilter {
  #held: Buffer = Buffer.alloc(0);

  /** The bytes that go out now. */
  take(bytes: Buffer): Buffer {
    const text = Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    if (isUtf8(text) && !text.includes(REPLACEMENT_CHARACTER)) return text;
    const parts: Buffer[] = [];
    for (let at = 0; at < text.length;) {
      const length = characterLength(text, at);
      if (length === 0) {
        if (text.length - at < MAX_CHARACTER_BYTES) {
          this.#held = text.subarray(at);
          break;
        }
        parts.push(text.subarray(at, at + 1));
        at += 1;
        continue;
      }
      const character = text.subarray(at, at + length);
      const isReplacement = character.equals(REPLACEMENT_CHARACTER);
      if (isReplacement && text.length - at < MAX_CHARACTER_BYTES) {
        this.#held = text.subarray(at);
        break;
      }
      parts.push(isReplacement ? character.subarray(0, 1) : character);
      at += length;
    }
    return Buffer.concat(parts);
  }
}

/** Bytes of the character that begins here; 0 when none does. */
function characterLength(text: Buffer, at: number): number {
  const lead = text[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const character = text.subarray(at, at + length);
  return character.length === length && isUtf8(character) ? length : 0;
}
