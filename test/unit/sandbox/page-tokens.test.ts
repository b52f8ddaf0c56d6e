import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageTokens } from '../../../src/sandbox/page-tokens.ts';

describe('page tokens', () => {
  const tokens = new PageTokens();
  const binding = ['arn:alice', { filter: 'running' }];

  it('lead back to the position they were issued for', () => {
    expect(tokens.open(tokens.issue(50, binding), binding)).toBe(50);
  });

  it('are worth nothing for another query or in another process', () => {
    const token = tokens.issue(50, binding);
    expect(tokens.open(token, ['arn:bob', { filter: 'running' }])).toBeUndefined();
    expect(new PageTokens().open(token, binding)).toBeUndefined();
  });

  it('do not show what they say and cannot be made up', () => {
    expect(tokens.issue(50, binding)).not.toBe(tokens.issue(50, binding));
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(tokens.open(text, binding)).toBeUndefined();
      }),
    );
  });
});
