import { describe, expect, it } from 'vitest';
import { escapeXml, renderXml } from '../../../../src/sandbox/http/xml.ts';

describe('XML rendering', () => {
  it('repeats an element for a list, leaves undefined out, keeps null empty', () => {
    const value = {
      requestId: 'r-1',
      reservationSet: { item: [{ id: 1 }, { id: 2 }] },
      groupSet: null,
      emptySet: { item: [] },
      nextToken: undefined,
      truncated: false,
      at: new Date(0),
    };
    expect(renderXml('Response', value, 'http://x/')).toBe(
      '<Response xmlns="http://x/"><requestId>r-1</requestId><reservationSet><item><id>1</id></item>' +
        '<item><id>2</id></item></reservationSet><groupSet/><emptySet/><truncated>false</truncated>' +
        '<at>1970-01-01T00:00:00.000Z</at></Response>',
    );
  });

  it.each([
    [`<a href="x">'&amp;`, '&lt;a href=&quot;x&quot;&gt;&apos;&amp;amp;'],
    ['line\r\n', 'line&#xD;\n'],
    ['bell\u0007 nul\u0000', 'bell\ufffd nul\ufffd'],
    ['half \ud83d pair', 'half \ufffd pair'],
    ['whole 🙂 €', 'whole 🙂 €'],
  ])('escapes %j', (text, expected) => {
    expect(escapeXml(text)).toBe(expected);
  });
});
