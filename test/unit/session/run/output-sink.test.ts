import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CapturedOutput, PrefixedOutput } from '../../../../src/session/run/output-sink.ts';

function collected() {
  const written: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written[name] += chunk.toString('latin1');
        done();
      },
    });
  return { written, streams: { stdout: stream('stdout'), stderr: stream('stderr') } };
}

describe('prefixed output', () => {
  it('is whole lines behind the prefix, however they arrive', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n') })), (pieces) => {
        const { written, streams } = collected();
        const output = new PrefixedOutput(streams, 'h | ');
        for (const piece of pieces) output.write('stdout', Buffer.from(piece));
        output.end();
        const text = pieces.join('');
        const lines = text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        expect(written.stdout).toBe(lines.map((line) => `h | ${line}\n`).join(''));
        expect(written.stderr).toBe('');
      }),
    );
  });

  it('keeps the two streams apart and cuts a line without end', () => {
    const { written, streams } = collected();
    const output = new PrefixedOutput(streams, '> ');
    output.write('stdout', Buffer.from('half'));
    output.write('stderr', Buffer.from('error\n'));
    output.write('stdout', Buffer.alloc(100_000, 'x'));
    output.end();
    expect(written.stderr).toBe('> error\n');
    const lines = written.stdout.split('\n');
    expect(lines.map(({ length }) => length)).toEqual([65_538, 100_004 - 65_536 + 2, 0]);
  });
});

describe('captured output', () => {
  it('keeps the beginning of each stream', () => {
    const output = new CapturedOutput(5);
    output.write('stdout', Buffer.from('abc'));
    output.write('stderr', Buffer.from('12345'));
    expect(output.isTruncated).toBe(false);
    output.write('stdout', Buffer.from('defg'));
    expect([output.text('stdout'), output.text('stderr')]).toEqual(['abcde', '12345']);
    expect(output.isTruncated).toBe(true);
  });
});
