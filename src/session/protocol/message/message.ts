import { hash } from 'node:crypto';
import { HEADER_LENGTH, MESSAGE_TYPE } from './constants.ts';

/** One client message: the content of one binary WebSocket frame. */
export interface ClientMessage {
  /** ASCII, without the padding; unknown types are kept so that the caller can ignore them. */
  messageType: string;
  schemaVersion: number;
  /** Epoch milliseconds; 0 is invalid on the wire. */
  createdDateMs: number;
  /** Signed 64-bit on the wire; here a safe integer. */
  sequenceNumber: number;
  /** Header flags, bit 0 SYN, bit 1 FIN. */
  flags: number;
  /** Canonical text form, lower case. */
  messageId: string;
  payloadType: number;
  payload: Buffer;
}

/** Why bytes are not a valid client message. Such a message is dropped, never acknowledged. */
export type InvalidMessageReason =
  | 'too-short'
  | 'header-length'
  | 'message-type'
  | 'created-date'
  | 'sequence-number'
  | 'payload-length'
  | 'payload-digest';

export type DecodedMessage =
  { ok: true; message: ClientMessage } | { ok: false; reason: InvalidMessageReason };

const TYPE_BYTES = 32;
const DIGEST_BYTES = 32;

// Offsets, docs/protocol.md §2: HeaderLength 0 (4) · MessageType 4 (32) · SchemaVersion 36 (4) ·
// CreatedDate 40 (8) · SequenceNumber 48 (8) · Flags 56 (8) · MessageId 64 (16) ·
// PayloadDigest 80 (32) · PayloadType 112 (4) · PayloadLength 116 (4) · Payload 120
const OFFSET = {
  messageType: 4,
  schemaVersion: 36,
  createdDate: 40,
  sequenceNumber: 48,
  flags: 56,
  messageId: 64,
  payloadDigest: 80,
  payloadType: 112,
  payloadLength: 116,
  payload: HEADER_LENGTH + 4,
} as const;

const paddedTypes = new Map<string, Buffer>();

function paddedType(messageType: string): Buffer {
  let padded = paddedTypes.get(messageType);
  if (padded === undefined) {
    padded = Buffer.from(messageType.padEnd(TYPE_BYTES, ' '), 'latin1');
    if (padded.length !== TYPE_BYTES) throw new RangeError('message type longer than 32 bytes');
    if (paddedTypes.size < 64) paddedTypes.set(messageType, padded);
  }
  return padded;
}

/** Splits a non-negative safe integer into the two halves of a 64-bit field. */
function writeUint64(buffer: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  buffer.writeUInt32BE(high, offset);
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, offset + 4);
}

/** Reads a 64-bit field; undefined when negative or above 2^53 - 1. */
function readUint64(buffer: Buffer, offset: number): number | undefined {
  const high = buffer.readUInt32BE(offset);
  if (high > 0x1f_ffff) return undefined;
  return high * 0x1_0000_0000 + buffer.readUInt32BE(offset + 4);
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function writeMessageId(buffer: Buffer, messageId: string, offset: number): void {
  if (!UUID_TEXT.test(messageId)) throw new TypeError('messageId is not a UUID');
  const hex = messageId.replaceAll('-', '');
  // The two 8-byte halves travel swapped: least significant first.
  buffer.write(hex.slice(16), offset, 'hex');
  buffer.write(hex.slice(0, 16), offset + 8, 'hex');
}

function readMessageId(buffer: Buffer, offset: number): string {
  const least = buffer.toString('hex', offset, offset + 8);
  const most = buffer.toString('hex', offset + 8, offset + 16);
  return `${most.slice(0, 8)}-${most.slice(8, 12)}-${most.slice(12)}-${least.slice(0, 4)}-${least.slice(4)}`;
}

/**
 * Encodes one client message as the bytes of one binary WebSocket frame.
 * @throws TypeError / RangeError for a caller's mistake (bad UUID, unsafe integer, long type)
 */
export function encodeMessage(message: ClientMessage): Buffer {
  const { sequenceNumber, createdDateMs, payload } = message;
  if (!Number.isSafeInteger(sequenceNumber) || sequenceNumber < 0) {
    throw new RangeError('sequenceNumber is not a non-negative safe integer');
  }
  const wire = Buffer.allocUnsafe(OFFSET.payload + payload.length);
  wire.writeUInt32BE(HEADER_LENGTH, 0);
  paddedType(message.messageType).copy(wire, OFFSET.messageType);
  wire.writeUInt32BE(message.schemaVersion, OFFSET.schemaVersion);
  writeUint64(wire, createdDateMs, OFFSET.createdDate);
  writeUint64(wire, sequenceNumber, OFFSET.sequenceNumber);
  writeUint64(wire, message.flags, OFFSET.flags);
  writeMessageId(wire, message.messageId, OFFSET.messageId);
  hash('sha256', payload, 'buffer').copy(wire, OFFSET.payloadDigest);
  wire.writeUInt32BE(message.payloadType, OFFSET.payloadType);
  wire.writeUInt32BE(payload.length, OFFSET.payloadLength);
  payload.copy(wire, OFFSET.payload);
  return wire;
}

/**
 * Decodes the bytes of one binary WebSocket frame. Never throws: a peer's mistake is a reason.
 * The payload is a view of `frame`, not a copy. `start_publication` and `pause_publication` are
 * accepted whatever the rest of their header holds (docs/protocol.md §2).
 */
export function decodeMessage(frame: Buffer): DecodedMessage {
  if (frame.length < OFFSET.schemaVersion) return { ok: false, reason: 'too-short' };
  const messageType = trimType(frame.toString('latin1', OFFSET.messageType, OFFSET.schemaVersion));
  if (
    messageType === MESSAGE_TYPE.startPublication ||
    messageType === MESSAGE_TYPE.pausePublication
  ) {
    return { ok: true, message: publicationMessage(messageType) };
  }
  const headerLength = frame.readUInt32BE(0);
  if (headerLength < HEADER_LENGTH) return { ok: false, reason: 'header-length' };
  const payloadOffset = headerLength + 4;
  if (frame.length < payloadOffset) return { ok: false, reason: 'too-short' };
  if (messageType === '') return { ok: false, reason: 'message-type' };
  const createdDateMs = readUint64(frame, OFFSET.createdDate);
  if (createdDateMs === undefined || createdDateMs === 0) {
    return { ok: false, reason: 'created-date' };
  }
  const sequenceNumber = readUint64(frame, OFFSET.sequenceNumber);
  if (sequenceNumber === undefined) return { ok: false, reason: 'sequence-number' };
  const payload = frame.subarray(payloadOffset);
  if (frame.readUInt32BE(headerLength) !== payload.length) {
    return { ok: false, reason: 'payload-length' };
  }
  if (payload.length > 0 && !digestMatches(frame, payload)) {
    return { ok: false, reason: 'payload-digest' };
  }
  return {
    ok: true,
    message: {
      messageType,
      schemaVersion: frame.readUInt32BE(OFFSET.schemaVersion),
      createdDateMs,
      sequenceNumber,
      flags: frame.readUInt32BE(OFFSET.flags + 4),
      messageId: readMessageId(frame, OFFSET.messageId),
      payloadType: frame.readUInt32BE(OFFSET.payloadType),
      payload,
    },
  };
}

function trimType(padded: string): string {
  // Peers pad with spaces; a reader trims spaces and NULs.
  let end = padded.length;
  while (end > 0 && (padded[end - 1] === ' ' || padded[end - 1] === '\0')) end -= 1;
  let start = 0;
  while (start < end && (padded[start] === ' ' || padded[start] === '\0')) start += 1;
  return padded.slice(start, end);
}

function digestMatches(frame: Buffer, payload: Buffer): boolean {
  const digest = hash('sha256', payload, 'buffer');
  return (
    frame.compare(
      digest,
      0,
      DIGEST_BYTES,
      OFFSET.payloadDigest,
      OFFSET.payloadDigest + DIGEST_BYTES,
    ) === 0
  );
}

function publicationMessage(messageType: string): ClientMessage {
  return {
    messageType,
    schemaVersion: 1,
    createdDateMs: 0,
    sequenceNumber: 0,
    flags: 0,
    messageId: '00000000-0000-0000-0000-000000000000',
    payloadType: 0,
    payload: Buffer.alloc(0),
  };
}
