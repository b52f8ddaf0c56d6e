import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyText } from '../../property/any-text.ts';
import {
  boxKeyText,
  newBoxKeys,
  openBox,
  readBoxKey,
  sealBox,
} from '../../../src/platform/sealed-box.ts';

const keys = newBoxKeys();
const bytes = (text: string): Buffer => Buffer.from(text);

it('opens for its key and binding, with what was sealed', () => {
  fc.assert(
    fc.property(anyText(), fc.string(), (text, binding) => {
      const to = readBoxKey(boxKeyText(keys.publicKey))!;
      expect(openBox(sealBox(text, to, bytes(binding)), keys, bytes(binding))).toBe(text);
    }),
    { numRuns: 30 },
  );
});

it('opens for no other key or binding, and not with any bit of it changed', () => {
  const box = sealBox('SEKRIT', keys.publicKey, bytes('a'));
  expect(openBox(box, newBoxKeys(), bytes('a'))).toBeUndefined();
  expect(openBox(box, keys, bytes('b'))).toBeUndefined();
  for (let at = 0; at < box.length; at += 1) {
    const changed = Buffer.from(box);
    changed[at]! ^= 1;
    expect(openBox(changed, keys, bytes('a'))).toBeUndefined();
    expect(openBox(box.subarray(0, at), keys, bytes('a'))).toBeUndefined();
  }
  // A key of small order, which would make the same secret with everybody's.
  const small = Buffer.concat([Buffer.alloc(32), box.subarray(32)]);
  expect(openBox(small, keys, bytes('a'))).toBeUndefined();
});

it.each(['', 'AAAA', `${'A'.repeat(42)}B`, `${'A'.repeat(43)}=`])('has no key in %j', (text) => {
  expect(readBoxKey(text)).toBeUndefined();
});
