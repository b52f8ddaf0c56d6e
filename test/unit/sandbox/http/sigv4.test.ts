import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../../../../src/sandbox/http/message.ts';
import {
  canonicalRequest,
  sha256Hex,
  signatureOf,
  stringToSign,
} from '../../../../src/sandbox/http/sigv4.ts';

// The key, times and signatures that AWS publishes in its Signature Version 4 documentation and
// test suite.
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const TIMESTAMP = '20150830T123600Z';

function request(target: string, headers: Record<string, string>): RawRequest {
  const entries = Object.entries(headers).map(([name, value]) => [name, [value]] as const);
  return { method: 'GET', target, headers: new Map(entries), body: Buffer.alloc(0) };
}

function sign(signed: RawRequest, service: string): { canonicalHash: string; signature: string } {
  const scope = { date: '20150830', region: 'us-east-1', service };
  const canonical = canonicalRequest(signed, [...signed.headers.keys()], sha256Hex(signed.body));
  const signature = signatureOf(SECRET, scope, stringToSign(TIMESTAMP, scope, canonical));
  return { canonicalHash: sha256Hex(canonical), signature };
}

describe('Signature Version 4', () => {
  it('gives the signature of the documented ListUsers request', () => {
    const listUsers = request('/?Action=ListUsers&Version=2010-05-08', {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      host: 'iam.amazonaws.com',
      'x-amz-date': TIMESTAMP,
    });
    expect(sign(listUsers, 'iam')).toEqual({
      canonicalHash: 'f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59',
      signature: '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    });
  });

  const headers = { host: 'example.amazonaws.com', 'x-amz-date': TIMESTAMP };
  it.each([
    ['get-vanilla', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'get-vanilla-query-order-key-case',
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('gives the signature of the test suite: %s', (_name, target, signature) => {
    expect(sign(request(target, headers), 'service').signature).toBe(signature);
  });

  it.each([
    ['/a/./b//../c', '/a/c'],
    ['/v1/data-channel/alice%40home-1', '/v1/data-channel/alice%2540home-1'],
    ['/x/', '/x/'],
    ['//', '/'],
  ])('normalises and encodes the path %s', (target, path) => {
    const canonical = canonicalRequest(request(target, headers), ['host'], '');
    expect(canonical.split('\n')[1]).toBe(path);
  });

  it.each([
    ['?b=2&a=1&a=0', 'a=0&a=1&b=2'],
    ['?role', 'role='],
    ["?q=~%2f*'!() x", 'q=~%2F%2A%27%21%28%29%20x'],
    ['?a=%zz', 'a=%25zz'],
    ['?X-Amz-Signature=ab&A=1', 'A=1'],
  ])('sorts and encodes the query %s', (query, expected) => {
    const canonical = canonicalRequest(request(`/${query}`, headers), ['host'], '');
    expect(canonical.split('\n')[2]).toBe(expected);
  });

  it('trims header values, folds their spaces and joins repeated ones', () => {
    const repeated: RawRequest = {
      ...request('/', headers),
      headers: new Map([['my-header', ['  a   b ', 'c']]]),
    };
    expect(canonicalRequest(repeated, ['my-header'], '').split('\n')[3]).toBe('my-header:a b,c');
  });
});
