import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedHeaders } from '../../../src/aws/sign-request.ts';

// Key, time and signatures of the test suite that AWS publishes for Signature Version 4.
const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const date = new Date('2015-08-30T12:36:00Z');
const suite = { service: 'service', region: 'us-east-1', credentials, date };
const HOST = 'https://example.amazonaws.com';
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('Signature Version 4', () => {
  it.each([
    [
      'get-vanilla',
      { method: 'GET' as const, url: '/' },
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'get-vanilla-query-order-key-case',
      { method: 'GET' as const, url: '/?Param2=value2&Param1=value1' },
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'post-vanilla',
      { method: 'POST' as const, url: '/' },
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ],
    [
      'post-x-www-form-urlencoded',
      { method: 'POST' as const, url: '/', headers: form, body: 'Param1=value1' },
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('gives the signature of the test suite: %s', (_name, { url, ...request }, signature) => {
    const { authorization } = signedHeaders({
      ...suite,
      ...request,
      url: new URL(`${HOST}${url}`),
    });
    expect(authorization?.split('Signature=')[1]).toBe(signature);
  });

  it('gives the headers that the signer of the SDK gives', async () => {
    const text = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
    const pathname = fc
      .array(fc.constantFrom('v1', 'data-channel', 'alice%40home', 'a b', '*', '(x)', '', 'é'))
      .map((parts) => `/${parts.join('/')}`);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          pathname,
          query: fc.dictionary(
            text.filter((name) => name !== '__proto__'),
            text,
          ),
          body: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
          sessionToken: fc.option(fc.base64String({ minLength: 1 }), { nil: undefined }),
          target: text.map((value) => `x${value}x`),
        }),
        async ({ pathname, query, body, sessionToken, target }) => {
          const url = new URL('https://ssmmessages.eu-central-1.amazonaws.com:8443');
          url.pathname = pathname;
          for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
          const keys = { ...credentials, ...(sessionToken === undefined ? {} : { sessionToken }) };
          const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
          const scope = { service: 'ssm', region: 'eu-central-1', credentials: keys };
          const own = signedHeaders({
            ...scope,
            method: 'POST',
            url,
            headers,
            date,
            ...(body === undefined ? {} : { body }),
          });
          const signer = new SignatureV4({ ...scope, sha256: Sha256, applyChecksum: false });
          const signed = await signer.sign(
            {
              method: 'POST',
              protocol: url.protocol,
              hostname: url.hostname,
              path: url.pathname,
              query: Object.fromEntries(url.searchParams),
              headers: { host: url.host, ...headers },
              body,
            },
            { signingDate: date },
          );
          expect(own).toEqual(signed.headers);
        },
      ),
    );
  });
});

/** What the SDK's signer wants of a hash. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', typeof secret === 'string' ? secret : bytes(secret));
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('not asked for');
  }
}

function bytes(data: ArrayBuffer | ArrayBufferView): Buffer {
  return data instanceof ArrayBuffer
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
