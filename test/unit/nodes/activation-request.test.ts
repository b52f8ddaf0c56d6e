import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readActivationWish } from '../../../src/nodes/activation-request.ts';
import type { ActivationWish } from '../../../src/nodes/activation-request.ts';
import { NODE_TEXT, parseNodeTag } from '../../../src/nodes/node-tag.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const wish = (changes: Partial<ActivationWish> = {}): ActivationWish => ({
  role: 'hybrid-nodes',
  limit: 1,
  expires: '24h',
  name: undefined,
  description: undefined,
  tags: [],
  ...changes,
});
const read = (changes: Partial<ActivationWish> = {}) => readActivationWish(wish(changes), NOW_MS);
const usage = expect.objectContaining({ code: 'DA_USAGE', exitCode: 2 }) as Error;

describe('what is asked of an activation', () => {
  it('is read as AWS takes it', () => {
    expect(
      read({
        role: 'service-role/Hybrid_1',
        limit: 20,
        expires: '90m',
        name: 'Kasse Süd 1',
        description: 'A "shop", $HOME & `more`',
        tags: ['Site=Berlin', 'path=a=b/c', 'empty='],
      }),
    ).toEqual({
      role: 'service-role/Hybrid_1',
      limit: 20,
      expiresAtMs: NOW_MS + 90 * 60_000,
      name: 'Kasse Süd 1',
      description: 'A "shop", $HOME & `more`',
      tags: [
        { key: 'Site', value: 'Berlin' },
        { key: 'path', value: 'a=b/c' },
        { key: 'empty', value: '' },
      ],
    });
  });

  it('stays a little below the 30 days that AWS measures by its own clock', () => {
    expect(read({ expires: '30d' }).expiresAtMs).toBe(NOW_MS + 30 * 86_400_000 - 60_000);
  });

  it.each<[string, Partial<ActivationWish>]>([
    ['no role', { role: '' }],
    ['a role with a path', { role: 'a/b' }],
    ['an ARN', { role: 'arn:aws:iam::123456789012:role/hybrid' }],
    ['a long role', { role: 'r'.repeat(65) }],
    ['31 days', { expires: '31d' }],
    ['no time', { expires: '0h' }],
    ['another unit', { expires: '1w' }],
    ['a name with a quote', { name: "a'b" }],
    ['a name with a line break', { name: 'a\nb' }],
    ['a long name', { name: 'n'.repeat(257) }],
    ['a description of two lines', { description: 'a\nb' }],
    ['a tag without a value', { tags: ['Site'] }],
    ['a key of AWS', { tags: ['aws:x=1'] }],
    ['a tag with other characters', { tags: ['a=$(id)'] }],
    ['a tag twice', { tags: ['a=1', 'a=2'] }],
  ])('refuses %s', (_what, changes) => {
    expect(() => read(changes)).toThrow(usage);
  });

  it('names the role of an ARN', () => {
    expect(() => read({ role: 'arn:aws:iam::123456789012:role/service-role/Hybrid' })).toThrow(
      expect.objectContaining({
        next: expect.stringContaining('--role service-role/Hybrid') as string,
      }) as Error,
    );
  });
});

describe('a tag', () => {
  it('is one that AWS takes, or refused', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        try {
          const { key, value } = parseNodeTag(text);
          expect(`${key}=${value}`).toBe(text);
          expect(NODE_TEXT.test(key) && NODE_TEXT.test(value)).toBe(true);
          expect(key.length > 0 && key.length <= 128 && value.length <= 256).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'DA_USAGE' });
        }
      }),
    );
  });
});
