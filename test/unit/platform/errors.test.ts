import { describe, expect, it } from 'vitest';
import { printable, printableJson } from '../../../src/platform/errors.ts';

/** Escape sequences, 8-bit ones too, and characters that reverse what follows. */
const HOSTILE = 'a\u001b[31mb\u009b31mc\u202ed\u2066e\u2028f\u007fg\r\nh';

describe('text from a peer', () => {
  it('cannot steer a terminal', () => {
    expect(printable(HOSTILE)).toBe('a?[31mb?31mc?d?e?f?g h');
    expect(printable('größe 日本 👍🏽')).toBe('größe 日本 👍🏽');
  });

  it('cannot steer it as JSON either, and stays what it was', () => {
    const value = { text: HOSTILE, list: [1, 'x'], [HOSTILE]: null };
    const json = printableJson(value);
    expect(json.replaceAll('\n', '')).toMatch(/^[\u0020-\u007e]*$/);
    expect(JSON.parse(json)).toEqual(value);
    expect(json.split('\n')[0]).toBe('{');
  });
});
