/**
 * The part of DER (ITU-T X.690) that certificates need. An element is
 *
 *   tag (1 byte) · length (1 byte below 128; else 128 + count of bytes, then those) · contents
 */

/** Tags of the universal class; constructed ones with their bit set. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export interface DerElement {
  readonly tag: number;
  readonly contents: Buffer;
  /** Tag, length and contents. */
  readonly bytes: Buffer;
}

/** What was read is not DER, or not of the expected form. */
export class DerError extends Error {}

/** The tag of `[number]` around or in place of another element. */
export function contextTag(number: number, isConstructed = true): number {
  return 0x80 + (isConstructed ? 0x20 : 0) + number;
}

/** Reads one element that fills `bytes`. @throws DerError */
export function readDer(bytes: Buffer): DerElement {
  const [element, ...others] = readDerList(bytes);
  if (element === undefined || others.length > 0) throw new DerError('not one element');
  return element;
}

/** Reads the elements that follow one another in `bytes`. @throws DerError */
export function readDerList(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const element = readAt(bytes, at);
    elements.push(element);
    at += element.bytes.length;
  }
  return elements;
}

/** The elements inside one of the given tag. @throws DerError */
export function derParts(element: DerElement | undefined, tag: number): DerElement[] {
  if (element?.tag !== tag) throw new DerError(`no element ${tag}`);
  return readDerList(element.contents);
}

/** Lengths beyond this are of nothing read here. */
const MAX_LENGTH_BYTES = 3;

function readAt(bytes: Buffer, at: number): DerElement {
  const tag = bytes[at] ?? 0;
  const first = bytes[at + 1];
  if (first === undefined) throw new DerError('cut short');
  // Tags above 30 have more bytes; no certificate has one where we look.
  if ((tag & 0x1f) === 0x1f) throw new DerError('a long tag');
  const count = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || count > MAX_LENGTH_BYTES) throw new DerError('not a length');
  const start = at + 2 + count;
  if (start > bytes.length) throw new DerError('cut short');
  const length = count === 0 ? first : bytes.readUIntBE(at + 2, count);
  const end = start + length;
  if (end > bytes.length) throw new DerError('cut short');
  return { tag, contents: bytes.subarray(start, end), bytes: bytes.subarray(at, end) };
}

/** Dotted form of an object identifier. @throws DerError */
export function readOid(element: DerElement | undefined): string {
  if (element?.tag !== DER_TAG.objectIdentifier || element.contents.length === 0) {
    throw new DerError('no object identifier');
  }
  const arcs: number[] = [];
  let value = 0;
  for (const byte of element.contents) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new DerError('a huge object identifier');
    if (byte < 0x80) {
      arcs.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

/** Milliseconds since the epoch of a UTCTime or GeneralizedTime as RFC 5280 has them. @throws DerError */
export function readTime(element: DerElement | undefined): number {
  const text = element?.contents.toString('latin1') ?? '';
  const isLong = element?.tag === DER_TAG.generalizedTime;
  const form = isLong
    ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
    : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const match = element?.tag === DER_TAG.utcTime || isLong ? form.exec(text) : null;
  if (match === null) throw new DerError('not a time');
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  // RFC 5280 §4.1.2.5.1: two digits are of 1950 to 2049.
  const fullYear = isLong ? year : year + (year < 50 ? 2000 : 1900);
  const moment = new Date(0);
  const [day = 1, hour = 0, minute = 0, second = 0] = rest;
  moment.setUTCFullYear(fullYear, month - 1, day);
  moment.setUTCHours(hour, minute, second);
  return moment.getTime();
}

/** An element of the given tag around what is given. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(evenHex(body.length.toString(16)), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, body]);
}

/** A whole number that is not negative. */
export function derInteger(value: bigint): Buffer {
  const bytes = Buffer.from(evenHex(value.toString(16)), 'hex');
  const isNegativeSign = ((bytes[0] ?? 0) & 0x80) !== 0;
  return der(DER_TAG.integer, ...(isNegativeSign ? [Buffer.of(0)] : []), bytes);
}

/** An object identifier in its dotted form. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(
    DER_TAG.objectIdentifier,
    Buffer.from([first * 40 + second, ...rest].flatMap(base128)),
  );
}

/** A time to the second: UTCTime up to 2049, then GeneralizedTime (RFC 5280 §4.1.2.5). */
export function derTime(timeMs: number): Buffer {
  const digits = `${new Date(timeMs).toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  const isShort = digits >= '1950' && digits < '2050';
  const text = isShort ? digits.slice(2) : digits;
  return der(isShort ? DER_TAG.utcTime : DER_TAG.generalizedTime, Buffer.from(text));
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(0x80 + (rest % 128));
  }
  return bytes;
}

function evenHex(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}
