import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
} from '../../../../../src/session/protocol/message/message.ts';
import type { ClientMessage } from '../../../../../src/session/protocol/message/message.ts';
import { readVector } from '../../../../vectors/read-vector.ts';

interface Vector extends Omit<ClientMessage, 'payload'> {
  name: string;
  payloadBase64: string;
  wireHex: string;
}

const vectors = readVector('session-manager/client-messages.json') as Vector[];

function vectorMessage(vector: Vector): ClientMessage {
  const { name: _name, payloadBase64, wireHex: _wire, ...header } = vector;
  return { ...header, payload: Buffer.from(payloadBase64, 'base64') };
}

const anyMessage = fc.record<ClientMessage>({
  messageType: fc.stringMatching(/^[a-z_]{1,32}$/).filter((type) => !type.endsWith('_publication')),
  schemaVersion: fc.nat(),
  createdDateMs: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  sequenceNumber: fc.maxSafeNat(),
  flags: fc.integer({ min: 0, max: 3 }),
  messageId: fc.uuid(),
  payloadType: fc.nat({ max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 2048 }).map((bytes) => Buffer.from(bytes)),
});

describe('client message codec', () => {
  it.each(vectors)('encodes the recorded bytes: $name', (vector) => {
    expect(encodeMessage(vectorMessage(vector)).toString('hex')).toBe(vector.wireHex);
  });

  it.each(vectors)('decodes the recorded bytes: $name', (vector) => {
    const decoded = decodeMessage(Buffer.from(vector.wireHex, 'hex'));
    expect(decoded).toEqual({ ok: true, message: vectorMessage(vector) });
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual({ ok: true, message });
      }),
    );
  });

  it('never throws and never accepts a changed payload', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, at, change) => {
        fc.pre(message.payload.length > 0);
        const wire = encodeMessage(message);
        const index = 120 + (at % message.payload.length);
        wire[index] = wire[index]! ^ change;
        expect(decodeMessage(wire)).toEqual({ ok: false, reason: 'payload-digest' });
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        decodeMessage(Buffer.from(bytes));
      }),
    );
  });

  const valid = (): Buffer => Buffer.from(vectors[0]!.wireHex, 'hex');
  it.each<[string, string, (wire: Buffer) => Buffer]>([
    ['cut before its payload', 'too-short', (wire) => wire.subarray(0, 119)],
    ['an empty frame', 'too-short', () => Buffer.alloc(0)],
    ['header length zero', 'header-length', (wire) => (wire.writeUInt32BE(0, 0), wire)],
    [
      'header length beyond the frame',
      'too-short',
      (wire) => (wire.writeUInt32BE(0xffff_fff0, 0), wire),
    ],
    ['no message type', 'message-type', (wire) => (wire.fill(0x20, 4, 36), wire)],
    ['created date zero', 'created-date', (wire) => (wire.fill(0, 40, 48), wire)],
    ['negative sequence number', 'sequence-number', (wire) => (wire.fill(0xff, 48, 56), wire)],
    [
      'payload length beyond the frame',
      'payload-length',
      (wire) => (wire.writeUInt32BE(999, 116), wire),
    ],
    ['payload cut short', 'payload-length', (wire) => wire.subarray(0, wire.length - 1)],
    ['digest of other bytes', 'payload-digest', (wire) => (wire.fill(0, 80, 112), wire)],
  ])('drops %s', (_name, reason, spoil) => {
    expect(decodeMessage(spoil(valid()))).toEqual({ ok: false, reason });
  });

  it('accepts pause and start whatever the rest of their header holds', () => {
    for (const messageType of ['pause_publication', 'start_publication']) {
      const wire = Buffer.alloc(60, 0xff);
      wire.write(messageType.padEnd(32, '\0'), 4, 'latin1');
      const decoded = decodeMessage(wire);
      expect(decoded.ok && decoded.message.messageType).toBe(messageType);
    }
  });

  it('refuses what cannot be written', () => {
    const message = vectorMessage(vectors[0]!);
    expect(() => encodeMessage({ ...message, messageId: 'x' })).toThrow(TypeError);
    expect(() => encodeMessage({ ...message, sequenceNumber: -1 })).toThrow(RangeError);
    expect(() => encodeMessage({ ...message, messageType: 'x'.repeat(33) })).toThrow(RangeError);
  });
});
