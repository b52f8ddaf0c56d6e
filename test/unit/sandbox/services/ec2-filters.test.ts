import { describe, expect, it } from 'vitest';
import { QueryInput } from '../../../../src/sandbox/http/query-input.ts';
import { seedAccount } from '../../../../src/sandbox/seed.ts';
import {
  matchesFilters,
  readInstanceFilters,
} from '../../../../src/sandbox/services/ec2-filters.ts';

const { instances } = seedAccount({ nowMs: 0 });

function names(...filters: [name: string, ...values: string[]][]): string[] {
  const read = filters.map(([name, ...values]) => ({ name, values }));
  return instances
    .filter((instance) => matchesFilters(instance, read))
    .map(({ tags }) => tags.Name!);
}

describe('instance filters', () => {
  it('need one value each and all of them together', () => {
    expect(names(['tag:Name', 'app-1', 'db-1'])).toEqual(['app-1', 'db-1']);
    expect(names(['tag:Name', 'app-1', 'db-1'], ['private-ip-address', '10.0.1.12'])).toEqual([
      'db-1',
    ]);
    expect(names(['instance-state-name', 'stopped', 'stopping'])).toEqual(['old-build']);
    expect(names(['platform', 'windows'])).toEqual(['win-1']);
    expect(names(['tag-key', 'Nothing'])).toEqual([]);
    expect(names(['tag:constructor', '*'])).toEqual([]);
  });

  it('know the wildcards', () => {
    expect(names(['tag:Name', '*-1'])).toEqual(['app-1', 'db-1', 'win-1']);
    expect(names(['tag:Name', '??-1'])).toEqual(['db-1']);
    expect(names(['tag:Name', 'w*r*'])).toEqual(['worker', 'worker']);
    expect(names(['tag:Name', 'bas'])).toEqual([]);
    expect(names(['tag:Name', 'bastion*', 'BASTION'])).toEqual(['bastion']);
  });

  it('answer a pattern of many stars at once', () => {
    const startedAt = performance.now();
    expect(names(['tag:Name', `${'*a'.repeat(2000)}b`])).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it.each([
    [
      'an unknown name',
      { 'Filter.1.Name': 'colour', 'Filter.1.Value.1': 'red' },
      /'colour' is inv/,
    ],
    ['an inherited name', { 'Filter.1.Name': 'toString', 'Filter.1.Value.1': 'x' }, /is invalid/],
    ['no value', { 'Filter.1.Name': 'vpc-id' }, /no values/],
  ])('refuse %s', (_name, parameters, message) => {
    const input = new QueryInput(new Map(Object.entries(parameters)));
    expect(() => readInstanceFilters(input)).toThrow(message);
  });
});
