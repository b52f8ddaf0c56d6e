import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DER_TAG,
  DerError,
  der,
  derInteger,
  derOid,
  derTime,
  readDer,
  readDerList,
  readOid,
  readTime,
} from '../../src/platform/der.ts';
import { pemBlocks, pemText } from '../../src/platform/pem.ts';

const bytes = fc.uint8Array({ maxLength: 70_000 }).map((array) => Buffer.from(array));

describe('DER', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 3 }), (contents) => {
        const list = Buffer.concat(contents.map((each) => der(DER_TAG.octetString, each)));
        expect(readDerList(list).map(({ contents: read }) => read)).toEqual(contents);
      }),
      { numRuns: 30 },
    );
  });

  it('writes numbers, names and times as they are read', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 1n << 160n }),
        fc.array(fc.nat(2 ** 31), { maxLength: 8 }),
        fc.date({ min: new Date('1950-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (value, arcs, date) => {
          const { contents } = readDer(derInteger(value));
          expect(BigInt(`0x${contents.toString('hex')}`)).toBe(value);
          expect(contents[0]! & 0x80).toBe(0);
          const dotted = ['1.3', ...arcs].join('.');
          expect(readOid(readDer(derOid(dotted)))).toBe(dotted);
          const second = Math.floor(date.getTime() / 1000) * 1000;
          expect(readTime(readDer(derTime(second)))).toBe(second);
        },
      ),
    );
  });

  it('of a peer is read to its end, or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        try {
          const list = readDerList(Buffer.from(array));
          return list.reduce((sum, { bytes: each }) => sum + each.length, 0) === array.length;
        } catch (error) {
          return error instanceof DerError;
        }
      }),
    );
  });
});

describe('PEM', () => {
  it('is read as it was written, whatever stands around it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 4 }),
        fc.string().filter((text) => !text.includes('-----')),
        fc.constantFrom('\n', '\r\n'),
        (contents, between, eol) => {
          const blocks = contents.map((each) => pemText('CERTIFICATE', Buffer.from(each)));
          const text = ['', ...blocks, ''].join(`${between}\n`).replaceAll('\n', eol);
          expect(pemBlocks(text).map(({ der: read }) => [...read])).toEqual(
            contents.map((each) => [...each]),
          );
        },
      ),
    );
  });
});
