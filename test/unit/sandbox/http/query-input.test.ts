import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../../../../src/sandbox/http/message.ts';
import { QueryInput } from '../../../../src/sandbox/http/query-input.ts';

function form(body: string, target = '/'): RawRequest {
  return {
    method: 'POST',
    target,
    headers: new Map([['content-type', ['application/x-www-form-urlencoded; charset=utf-8']]]),
    body: Buffer.from(body),
  };
}

describe('query input', () => {
  it('reads nested lists in the order of their numbers, not of appearance', () => {
    const input = QueryInput.from(
      form(
        'Action=DescribeInstances&Filter.10.Name=vpc-id&Filter.10.Value.1=vpc-1' +
          '&Filter.2.Value.2=stopped&Filter.2.Value.1=running&Filter.2.Name=instance-state-name' +
          '&InstanceId.1=i-1&InstanceId.2=i-2',
      ),
    );
    const filters = input.structures('Filter').map((filter) => ({
      name: filter.text('Name'),
      values: filter.list('Value'),
    }));
    expect(filters).toEqual([
      { name: 'instance-state-name', values: ['running', 'stopped'] },
      { name: 'vpc-id', values: ['vpc-1'] },
    ]);
    expect(input.list('InstanceId')).toEqual(['i-1', 'i-2']);
  });

  it('decodes plus and percent, and takes broken escapes literally', () => {
    const input = QueryInput.from(form('a=x+y%20z%2B&b=%E2%82%AC&c=%zz&d&=e'));
    expect(['a', 'b', 'c', 'd', ''].map((name) => input.text(name))).toEqual([
      'x y z+',
      '€',
      '%zz',
      '',
      'e',
    ]);
  });

  it('reads the query string of a GET', () => {
    const request: RawRequest = {
      ...form('', '/?Action=GetCallerIdentity&Version=2011-06-15'),
      method: 'GET',
      headers: new Map(),
    };
    expect(QueryInput.from(request).text('Action')).toBe('GetCallerIdentity');
  });

  it('reports every violation in one error, in the words of the services', () => {
    const input = QueryInput.from(form('DurationSeconds=100&TokenCode=12345a'));
    input.integer('DurationSeconds', { min: 900, max: 129_600 });
    input.text('TokenCode', { pattern: /^\d*$/ });
    input.requiredText('RoleArn');
    expect(() => input.check()).toThrow(
      expect.objectContaining({
        code: 'ValidationError',
        status: 400,
        message:
          "3 validation errors detected: Value '100' at 'durationSeconds' failed to satisfy " +
          'constraint: Member must have value greater than or equal to 900; ' +
          "Value '12345a' at 'tokenCode' failed to satisfy constraint: " +
          'Member must satisfy regular expression pattern: ^\\d*$; ' +
          "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
      }) as Error,
    );
  });

  it.each(['1e3', '0x10', '', ' 900', '99999999999'])('does not take %j for an integer', (text) => {
    const input = new QueryInput(new Map([['N', text]]));
    expect(() => input.integer('N', { min: 0, max: 10_000 })).toThrow(/must be an integer/);
  });

  it('refuses a flood of parameters', () => {
    const body = Array.from({ length: 5001 }, (_, at) => `a${at}=1`).join('&');
    expect(() => QueryInput.from(form(body))).toThrow(/Too many parameters/);
  });

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const input = QueryInput.from({ ...form(''), body: Buffer.from(bytes) });
        input.structures('Filter');
        input.list('InstanceId');
      }),
    );
  });
});
