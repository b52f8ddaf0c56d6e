import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LiveRegion } from '../../../src/cli/live-region.ts';

/** What a person sees: the few escapes that the region uses, obeyed. */
class Screen extends EventEmitter {
  columns = 40;
  rows = 10;
  writes = 0;
  #lines: string[] = [''];

  write(text: string): boolean {
    this.writes += 1;
    for (const part of text.match(/\u001b\[[?\d]*[A-Za-z]|\r|\n|[^\u001b\r\n]+/g) ?? []) {
      const up = /^\u001b\[(\d+)A$/.exec(part);
      if (up !== null) this.#lines.splice(this.#lines.length - 1 - Number(up[1]), Number(up[1]));
      else if (part === '\u001b[J') this.#lines[this.#lines.length - 1] = '';
      else if (part === '\n') this.#lines.push('');
      else if (part !== '\r' && !part.startsWith('\u001b[?7'))
        this.#lines.push(`${this.#lines.pop() ?? ''}${part}`);
    }
    return true;
  }

  get text(): string {
    return this.#lines.join('\n');
  }
}

const always = (): boolean => true;

describe('the live region', () => {
  it('is drawn in place, below what was said for good', () => {
    const screen = new Screen();
    const region = new LiveRegion(screen, () => undefined, always);
    region.draw(['one', 'two']);
    region.print('said');
    region.draw(['one', '2']);
    region.draw(['1']);
    expect(screen.text).toBe('said\n1\n');
    region.draw([]);
    expect(screen.text).toBe('said\n');
  });

  it('writes nothing when nothing has changed', () => {
    const screen = new Screen();
    const region = new LiveRegion(screen, () => undefined, always);
    region.draw(['same']);
    region.draw(['same']);
    expect(screen.writes).toBe(1);
  });

  it('is no taller than the terminal', () => {
    const screen = new Screen();
    screen.rows = 4;
    const region = new LiveRegion(screen, () => undefined, always);
    region.draw(['a', 'b', 'c', 'd', 'e']);
    expect(screen.text).toBe('a\nb\n(3 more lines)\n');
  });

  it('takes back as many rows as its lines have by now', () => {
    const screen = new Screen();
    const region = new LiveRegion(screen, () => undefined, always);
    region.draw(['\u001b[32m012345678901234567890123456789\u001b[39m', 'x']);
    screen.columns = 20;
    let written = '';
    screen.write = (text) => (written += text) !== '';
    region.draw(['y']);
    expect(written).toContain('\u001b[3A');
  });

  it('tells of a resized terminal until its end', () => {
    const screen = new Screen();
    let resizes = 0;
    const region = new LiveRegion(screen, () => (resizes += 1), always);
    screen.emit('resize');
    region.end();
    screen.emit('resize');
    expect(resizes).toBe(1);
  });

  it('leaves the terminal to the shell while it is in the background', () => {
    const screen = new Screen();
    let isForeground = true;
    const region = new LiveRegion(
      screen,
      () => undefined,
      () => isForeground,
    );
    region.draw(['before']);
    isForeground = false;
    region.draw(['unseen']);
    screen.write('the shell\n');
    isForeground = true;
    region.draw(['after']);
    isForeground = false;
    region.print('said');
    expect(screen.text).toBe('before\nthe shell\nafter\nsaid\n');
  });

  it('is drawn in place on a terminal that does not say how large it is', () => {
    const screen = new Screen();
    Object.assign(screen, { columns: 0, rows: 0 });
    const region = new LiveRegion(screen, () => undefined, always);
    region.draw(['one', 'two']);
    region.draw(['1']);
    expect(screen.text).toBe('1\n');
  });
});
