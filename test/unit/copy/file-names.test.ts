import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partialName, refusedName } from '../../../src/copy/file-names.ts';

describe('a name from a server', () => {
  it.each(['a', '-rf', 'a b', 'ä ö 漢字 🎉', '.hidden', '...', 'a:b', '$(x)', '~', 'con', 'a\\b'])(
    '%j is taken',
    (name) => {
      expect(refusedName(Buffer.from(name), 'linux')).toBeUndefined();
    },
  );

  it.each(['', 'a/b', '/etc/passwd', '../x', 'a\0b', 'a\nb', 'a\u001b[2Jb', 'a\u007f', 'a\u009bb'])(
    '%j is refused',
    (name) => {
      expect(refusedName(Buffer.from(name), 'linux')).toBeTypeOf('string');
    },
  );

  it('is refused where no file system would take it', () => {
    expect(refusedName(Buffer.alloc(1021, 'a'))).toBe('the name is too long');
  });

  it('is refused where it is not UTF-8', () => {
    expect(refusedName(Buffer.from([0x61, 0xff]), 'linux')).toBe('the name is not UTF-8');
  });

  it.each(['..\\x', 'C:x', 'con', 'NUL.txt', 'COM1', 'a.', 'a ', 'a?', 'a|b'])(
    '%j is refused on Windows',
    (name) => {
      expect(refusedName(Buffer.from(name), 'win32')).toBeTypeOf('string');
    },
  );
});

describe('a partial name', () => {
  it('is hidden, valid UTF-8, and as long as names may be', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (name) => {
        const partial = partialName(name, '0123456789abcdef');
        expect(Buffer.byteLength(partial)).toBeLessThanOrEqual(255);
        expect(partial).toMatch(/^\..*\.0123456789abcdef\.devaccess-part$/s);
        expect(Buffer.from(partial).toString()).toBe(partial);
      }),
    );
    expect(partialName('a.txt', 'f0')).toBe('.a.txt.f0.devaccess-part');
  });
});
