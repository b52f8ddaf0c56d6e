import { describe, expect, it } from 'vitest';
import { editSection } from '../../../../src/aws/files/ini-edit.ts';

const edit = (text: string, changes: Record<string, string | null>): string =>
  editSection(text, 'p', changes);

describe('editing one section', () => {
  it.each<[string, string, Record<string, string | null>, string]>([
    [
      'replaces a value, spacing kept',
      '[p]\n a\t=  1  \nb=2\n',
      { a: 'x' },
      '[p]\n a\t=  x  \nb=2\n',
    ],
    ['leaves an equal value alone', '[p]\nA: 1\na2 = 1', { a2: '1' }, '[p]\nA: 1\na2 = 1'],
    ['writes keys in lower case', '[p]\nAWS_X=1\n', { aws_x: '2' }, '[p]\naws_x=2\n'],
    ['turns a colon into =', '[p]\na: 1\n', { a: '1' }, '[p]\na= 1\n'],
    ['replaces an inline comment', '[p]\na = 1 # c\n', { a: '2' }, '[p]\na = 2\n'],
    ['replaces a value of two lines', '[p]\na = 1\n  2\nb=3\n', { a: '4' }, '[p]\na = 4\nb=3\n'],
    [
      'adds after the last property, before what leads to the next header',
      '[p]\na=1\n\n# about q\n[q]\nx=1\n',
      { b: '2' },
      '[p]\na=1\nb = 2\n\n# about q\n[q]\nx=1\n',
    ],
    ['adds below a bare header', '[p]\n# c\n\n[q]\n', { a: '1' }, '[p]\na = 1\n# c\n\n[q]\n'],
    ['adds after nested lines', '[p]\ns3 =\n  x = 1\n', { a: '1' }, '[p]\ns3 =\n  x = 1\na = 1\n'],
    ['adds the missing final newline', '[p]\na=1', { b: '2' }, '[p]\na=1\nb = 2\n'],
    ['keeps a missing final newline', '[p]\na=1', { a: '2' }, '[p]\na=2'],
    ['keeps CRLF', '[p]\r\na=1\r\n', { a: '2', b: '3' }, '[p]\r\na=2\r\nb = 3\r\n'],
    ['removes a key', '[p]\na=1\nb=2\n', { a: null, c: null }, '[p]\nb=2\n'],
    ['appends a section', '[q]\nx=1', { a: '1' }, '[q]\nx=1\n\n[p]\na = 1\n'],
    ['appends with one blank line only', '[q]\nx=1\n\n', { a: '1' }, '[q]\nx=1\n\n[p]\na = 1\n'],
    ['starts a file', '', { a: '1', b: null }, '[p]\na = 1\n'],
    ['does not take [ p ] for [p]', '[ p ]\na=1\n', { a: '2' }, '[ p ]\na=1\n\n[p]\na = 2\n'],
  ])('%s', (_what, before, changes, after) => {
    expect(edit(before, changes)).toBe(after);
    expect(edit(after, changes)).toBe(after);
  });

  it.each([
    ['a duplicate key', '[p]\na=1\na=2\n'],
    ['a duplicate section', '[p]\n[p]\n'],
    ['a line without delimiter', '[p]\nabc\n'],
    ['a byte order mark', '\ufeff[p]\na=1\n'],
    ['a header that a new key would swallow', '[p]\n  [q]\n  x=1\n'],
  ])('refuses %s', (_what, text) => {
    expect(() => edit(text, { b: '1' })).toThrow(
      expect.objectContaining({ code: 'DA_AWS_FILE_INVALID' }) as Error,
    );
  });

  it.each([
    ['p', 'a', 'x\ny'],
    ['p', 'a', 'x\ry'],
    ['p', 'a', 'x\0y'],
    ['p', 'a', ''],
    ['p', 'a', ' x'],
    ['p', 'a', 'x #y'],
    ['p', 'a:b', 'x'],
    ['p', 'A', 'x'],
    ['p]\n[q', 'a', 'x'],
    ['a b', 'a', 'x'],
    ['__proto__', 'a', 'x'],
    ['DEFAULT', 'a', 'x'],
  ])('refuses to write [%j] %j = %j', (section, key, value) => {
    expect(() => editSection('', section, { [key]: value })).toThrow(
      expect.objectContaining({ code: 'DA_AWS_FILE_VALUE' }) as Error,
    );
  });

  it('names no value in a refusal', () => {
    expect(() => edit('', { aws_secret_access_key: 'hush\nhush' })).toThrow(/^(?!.*hush)/s);
  });
});
