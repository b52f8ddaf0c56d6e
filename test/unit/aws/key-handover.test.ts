import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerRequests, requestKey } from '../../../src/aws/key-handover.ts';

let home: string;
let env: Record<string, string>;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'devaccess-handover-'));
  env = { HOME: home };
});
afterEach(() => rmSync(home, { recursive: true }));

const folder = (): string => join(home, '.local', 'state', 'devaccess', 'unlock');
const names = (): string[] => readdirSync(folder());

describe('a key that many wait for', () => {
  it('is handed to all of them, and to nobody who asked for another', () => {
    const [one, two, other] = ['a', 'a', 'b'].map((entry) => requestKey(entry, env));
    expect(one!.answer()).toBeUndefined();
    answerRequests('a', 'SEKRIT', env);
    expect([one, two, other].map((request) => request!.answer())).toEqual([
      'SEKRIT',
      'SEKRIT',
      undefined,
    ]);
  });

  it('is in no file that anybody else can open', () => {
    requestKey('a', env);
    const two = requestKey('a', env);
    answerRequests('a', 'SEKRIT', env);
    const texts = names().map((name) => readFileSync(join(folder(), name), 'utf8'));
    expect(texts.join()).not.toContain('SEKRIT');
    // What was sealed for one, in the place of what was sealed for another.
    const [first, second] = names().filter((name) => name.endsWith('.got'));
    const swapped = readFileSync(join(folder(), first!));
    writeFileSync(join(folder(), first!), readFileSync(join(folder(), second!)));
    writeFileSync(join(folder(), second!), swapped);
    expect(two.answer()).toBeUndefined();
  });

  it('leaves nothing behind', () => {
    const request = requestKey('a', env);
    answerRequests('a', 'SEKRIT', env);
    request.withdraw();
    expect(names()).toEqual([]);
  });

  it('is not disturbed by what is no request, or no answer', () => {
    const request = requestKey('a', env);
    writeFileSync(join(folder(), 'x.ask'), '{');
    writeFileSync(join(folder(), 'y.ask'), JSON.stringify({ entry: 'a', key: 'AAAA' }));
    answerRequests('a', 'SEKRIT', env);
    expect(request.answer()).toBe('SEKRIT');
    const [answer] = names().filter((name) => name.endsWith('.got'));
    writeFileSync(join(folder(), answer!), '{"key":"AAAA","sealed":"AAAA"}');
    expect(request.answer()).toBeUndefined();
  });

  it('is asked for in no folder that others can write to', () => {
    requestKey('a', env);
    chmodSync(folder(), 0o777);
    expect(() => requestKey('a', env)).toThrow(
      expect.objectContaining({ code: 'DA_FOLDER_UNSAFE' }) as Error,
    );
  });
});
