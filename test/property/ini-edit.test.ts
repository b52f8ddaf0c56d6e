import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import { editSection } from '../../src/aws/files/ini-edit.ts';

const eol = fc.constantFrom('\n', '\r\n');
const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/);
const value = fc.stringMatching(/^[A-Za-z0-9+/=%éü"'.:-]{1,12}$/);
const filler = fc.constantFrom('', '   ', '# comment', '; [p]', '  # = :');
const property = fc
  .tuple(word, fc.constantFrom('=', ' = ', '\t=  ', ': '), value, fc.constantFrom('', ' '))
  .map((parts) => parts.join(''));
const header = fc.constantFrom('[p]', '[q]', '[q-long-term] ; c', '[my prof]', '  [r]', '[s/t]');
const nested = word
  .map((key) => `s3_${key} =`)
  .chain((key) => fc.tuple(word, value).map(([name, text]) => `${key}\n    ${name} = ${text}`));
const line = fc.oneof({ weight: 3, arbitrary: property }, header, filler, nested);
/** Mostly files tools accept; the others must be refused, never damaged. */
const file = fc
  .tuple(fc.array(line, { maxLength: 25 }), eol, fc.boolean())
  .map(([lines, end, isEnded]) => lines.join('\n').replaceAll('\n', end) + (isEnded ? end : ''));
const anyText = fc.oneof(
  file,
  fc.string({
    unit: fc.constantFrom('[', ']', 'p', '=', ':', ' ', '\n', '\r', '#', 'a'),
    maxLength: 60,
  }),
);
const changes = fc.dictionary(word, fc.option(value, { nil: null }), { maxKeys: 4 });

function tryEdit(text: string, edits: Record<string, string | null>): string | undefined {
  try {
    return editSection(text, 'p', edits);
  } catch (error) {
    expect(error).toMatchObject({ code: 'DA_AWS_FILE_INVALID' });
    return undefined;
  }
}

describe('editSection', () => {
  it('gives the wanted values, other sections and other lines unchanged', () => {
    let edited = 0;
    fc.assert(
      fc.property(anyText, changes, (text, edits) => {
        const result = tryEdit(text, edits);
        if (result === undefined) return;
        edited += 1;
        const before = parseIni(text);
        const after = parseIni(result);
        expect(after.problems.filter(({ isFatal }) => isFatal)).toEqual([]);
        for (const [key, wanted] of Object.entries(edits)) {
          expect(sectionValues(after, 'p')?.get(key)).toBe(wanted ?? undefined);
        }
        for (const { name } of before.sections.filter((section) => section.name !== 'p')) {
          expect(sectionValues(after, name)).toEqual(sectionValues(before, name));
        }
        // Every line that is no property of [p] is still there, in order, byte for byte.
        const section = before.sections.find(({ name }) => name === 'p');
        const touched = new Set(
          section?.properties
            .filter(({ key }) => Object.hasOwn(edits, key))
            .flatMap(({ line: from, endLine }) =>
              Array.from({ length: endLine - from }, (_, index) => from + index),
            ),
        );
        const kept = before.lines.filter((_, index) => !touched.has(index));
        let at = 0;
        for (const wanted of kept) {
          const found = result.indexOf(wanted, at);
          expect(found).toBeGreaterThanOrEqual(0);
          at = found + wanted.length;
        }
      }),
      { numRuns: 1500 },
    );
    expect(edited).toBeGreaterThan(300);
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(anyText, changes, (text, edits) => {
        const once = tryEdit(text, edits);
        if (once !== undefined) expect(editSection(once, 'p', edits)).toBe(once);
      }),
      { numRuns: 1000 },
    );
  });

  it('changes only the bytes of one value', () => {
    fc.assert(
      fc.property(file, file, value, value, (before, after, first, second) => {
        const text = (wanted: string): string =>
          `${before.replaceAll('[p]', '[x1]')}\n[p]\nmark = ${wanted}\n[end]\n${after.replaceAll(/^.*\[.*$/gm, '')}`;
        const result = tryEdit(text(first), { mark: second });
        if (result !== undefined) expect(result).toBe(text(second));
      }),
    );
  });
});
