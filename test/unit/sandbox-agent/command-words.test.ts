import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandWords } from '../../../src/sandbox/agent/command-words.ts';

/** Seen at the real agent, which executes the words without a shell. */
describe('the words of a command line', () => {
  it.each([
    ['echo hello; id', ['echo', 'hello;', 'id']],
    [`sh -c 'echo "a b"; exit 3'`, ['sh', '-c', 'echo "a b"; exit 3']],
    [`a"b c"d '' "\\"" \\'`, ['ab cd', '', '"', "'"]],
    ['echo a # b\nc', ['echo', 'a', 'c']],
    ['echo a#b', ['echo', 'a#b']],
    ["echo '{''{ x }''}'", ['echo', '{{ x }}']],
    ['# nothing', []],
  ])('%j', (line, words) => {
    expect(commandWords(line)).toEqual({ ok: true, words });
  });

  it('tells of quotes that do not close', () => {
    expect(commandWords("echo 'x")).toEqual({
      ok: false,
      reason: 'EOF found when expecting closing quote',
    });
  });

  it('are those of a shell, for words in single quotes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: 'grapheme' }).filter((word) => !word.includes('\0')),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        (words) => {
          const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
          expect(commandWords(line)).toEqual({ ok: true, words });
          const shown = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`]).toString();
          expect(shown).toBe(words.map((word) => `${word}\0`).join(''));
        },
      ),
      { numRuns: 50 },
    );
  });
});
