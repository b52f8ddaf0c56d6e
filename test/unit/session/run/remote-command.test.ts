import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandWords } from '../../../../src/sandbox/agent/command-words.ts';
import { sessionCommand, shellLine } from '../../../../src/session/run/remote-command.ts';

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('{', '}', "'", '"', '\\', ' ', '#', '$', '\n') }),
  )
  .filter((word) => !word.includes('\0'));

describe('the command line for a node', () => {
  it('hands several words to the program as they are', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (args) => {
        const line = shellLine(['printf', '%s\\0', ...args]);
        expect(execFileSync('sh', ['-c', line]).toString()).toBe(
          args.map((arg) => `${arg}\0`).join(''),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('leaves one word to the shell', () => {
    expect(shellLine(['a | b > "c d"'])).toBe('a | b > "c d"');
  });

  it('reaches the shell through the agent, which looks up nothing in it', () => {
    fc.assert(
      fc.property(text, (line) => {
        const command = sessionCommand(line);
        const words = commandWords(command);
        expect(words).toMatchObject({ ok: true });
        const [sh, flag, , name, last] = words.ok ? words.words : [];
        expect([sh, flag, name, last]).toEqual(['sh', '-c', 'sh', line]);
        expect(command).not.toContain('{{');
      }),
    );
  });

  it('is refused where it is too long', () => {
    expect(() => sessionCommand('x'.repeat(65_535))).toThrow(/too long/);
  });
});
