import { randomBytes } from 'node:crypto';
import { ClientChannel } from '../../src/session/protocol/channel/client-channel.ts';
import {
  HEADER_LENGTH,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
} from '../../src/session/protocol/message/constants.ts';
import { decodeMessage, encodeMessage } from '../../src/session/protocol/message/message.ts';
import {
  encodeSmuxFrame,
  SMUX_COMMAND,
  SmuxDecoder,
  SmuxFramingError,
} from '../../src/session/protocol/smux/frame.ts';

/** Draws from one generator, so that a seed repeats a case. */
export interface Dice {
  /** 0 to `below` - 1. */
  below(limit: number): number;
  bytes(length: number): Buffer;
}

export function dice(random: () => number): Dice {
  return {
    below: (limit) => Math.floor(random() * limit),
    bytes: (length) => {
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; at += 1) bytes[at] = random() * 256;
      return bytes;
    },
  };
}

/** What a peer must never be able to grow beyond. */
const MAX_FRAMES_BACK = 64;
const NOW_MS = 1_700_000_000_000;

function pick<Item>(roll: Dice, items: readonly Item[]): Item {
  return items[roll.below(items.length)]!;
}

function messageId(roll: Dice): string {
  const hex = roll.bytes(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Changes bytes, cuts or lengthens: a frame that was nearly right. */
function damage(roll: Dice, frame: Buffer): Buffer {
  const damaged = Buffer.from(frame);
  switch (roll.below(4)) {
    case 0:
      return damaged.subarray(0, roll.below(damaged.length + 1));
    case 1:
      return Buffer.concat([damaged, roll.bytes(roll.below(64))]);
    case 2:
      damaged.writeUInt32BE(roll.below(2 ** 32), pick(roll, [0, 36, 48, 52, 112, HEADER_LENGTH]));
      return damaged;
    default:
      for (let count = 1 + roll.below(8); count > 0 && damaged.length > 0; count -= 1) {
        damaged[roll.below(damaged.length)] = roll.below(256);
      }
      return damaged;
  }
}

const NUMBERS = [0, 1, 2, 3, 4, 5, 9999, 10_001, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER];
const TYPES = [...Object.values(MESSAGE_TYPE), 'agent_session_state', '', 'x'.repeat(32)];

function anyFrame(roll: Dice): Buffer {
  return encodeMessage({
    messageType: pick(roll, TYPES),
    schemaVersion: roll.below(3),
    createdDateMs: pick(roll, [0, 1, NOW_MS]),
    sequenceNumber: pick(roll, NUMBERS),
    flags: roll.below(4),
    messageId: messageId(roll),
    payloadType: roll.below(14),
    payload: anyPayload(roll),
  });
}

/** What decodes must encode to something that decodes alike; nothing may throw. */
export function decoderCase(roll: Dice): void {
  const frame = roll.below(4) === 0 ? roll.bytes(roll.below(200)) : damage(roll, anyFrame(roll));
  const decoded = decodeMessage(frame);
  if (!decoded.ok || decoded.message.createdDateMs === 0) return;
  if (decoded.message.messageType.length > 32) return;
  const again = decodeMessage(encodeMessage(decoded.message));
  if (!again.ok || again.message.sequenceNumber !== decoded.message.sequenceNumber) {
    throw new Error(`not the same twice: ${frame.toString('hex')}`);
  }
}

function anyJson(roll: Dice, depth = 0): unknown {
  const leaves = [null, true, -1, 1e308, '', 'Port', 'x'.repeat(roll.below(50)), '\u001b[2J\u0000'];
  if (depth > 2 || roll.below(3) === 0) return pick(roll, leaves);
  if (roll.below(2) === 0) {
    return Array.from({ length: roll.below(5) }, () => anyJson(roll, depth + 1));
  }
  const names = [
    'AgentVersion',
    'RequestedClientActions',
    'ActionType',
    'ActionParameters',
    'SessionType',
    'Properties',
    'KMSKeyId',
    'Challenge',
    'CustomerMessage',
    'Output',
    'AcknowledgedMessageSequenceNumber',
    '__proto__',
    'constructor',
  ];
  return Object.fromEntries(
    Array.from({ length: roll.below(6) }, () => [pick(roll, names), anyJson(roll, depth + 1)]),
  );
}

function action(roll: Dice): unknown {
  return pick(roll, [
    { ActionType: 'SessionType', ActionParameters: { SessionType: 'Port', Properties: {} } },
    { ActionType: 'KMSEncryption', ActionParameters: { KMSKeyId: 'key', Challenge: 'c' } },
    { ActionType: pick(roll, ['', 'Dance', 'SessionType', 'KMSEncryption']) },
    anyJson(roll),
  ]);
}

function anyPayload(roll: Dice): Buffer {
  switch (roll.below(6)) {
    case 0:
      return roll.bytes(roll.below(64));
    case 1:
      return Buffer.from(
        JSON.stringify({
          AgentVersion: pick(roll, ['3.3.987.0', '2.0.0.0', 'x', '1.2']),
          RequestedClientActions: Array.from({ length: pick(roll, [0, 1, 1, 2, 3, 17]) }, () =>
            action(roll),
          ),
        }),
      );
    case 2:
      return Buffer.from(JSON.stringify({ AcknowledgedMessageSequenceNumber: roll.below(8) }));
    case 3:
      return Buffer.from('['.repeat(roll.below(200)));
    case 4:
      return Buffer.from([0, 0, 0, roll.below(5)]);
    default:
      return Buffer.from(JSON.stringify(anyJson(roll)));
  }
}

/** A client channel whose peer sends whatever it likes: no throw, bounded answers. */
export function channelCase(roll: Dice): void {
  const channel = new ClientChannel({
    nowMs: NOW_MS,
    randomUuid: () => '00000000-0000-4000-8000-000000000000',
    randomNonce: () => Buffer.alloc(12),
    ...(roll.below(2) === 0 ? {} : { pace: { perSecond: 10, burst: 5 } }),
  });
  let nowMs = NOW_MS;
  let expected = 0;
  for (let step = 1 + roll.below(8); step > 0; step -= 1) {
    const frame = roll.below(3) === 0 ? anyFrame(roll) : likelyFrame(roll, expected);
    if (roll.below(5) === 0) channel.receive(damage(roll, frame), nowMs);
    else channel.receive(frame, nowMs);
    expected = channel.statistics.expectedSequenceNumber;
    for (const event of channel.takeEvents()) {
      if (event.type !== 'data-key-needed') continue;
      if (roll.below(2) === 0) channel.refuseDataKey('no', nowMs);
      else channel.provideDataKey(dataKey(roll), nowMs);
    }
    if (channel.isReady && roll.below(2) === 0) channel.sendInput(Buffer.alloc(3000), nowMs);
    if (roll.below(10) === 0) channel.connectionLost(nowMs, roll.below(2) === 0);
    nowMs += roll.below(500);
    channel.expire(nowMs);
    const frames = channel.takeFrames(nowMs);
    if (frames.length > MAX_FRAMES_BACK) throw new Error(`${frames.length} frames in answer`);
    for (const answer of frames) if (!decodeMessage(answer).ok) throw new Error('invalid answer');
    const deadline = channel.deadlineMs(nowMs);
    if (Number.isNaN(deadline)) throw new Error('no time');
  }
  if (channel.statistics.earlyMessages > 12) throw new Error('more early messages than were sent');
}

function likelyFrame(roll: Dice, expected: number): Buffer {
  return encodeMessage({
    messageType: pick(roll, [MESSAGE_TYPE.outputStreamData, MESSAGE_TYPE.acknowledge]),
    schemaVersion: 1,
    createdDateMs: NOW_MS,
    sequenceNumber: Math.max(0, expected + pick(roll, [0, 0, 0, 1, 2, -1])),
    flags: 0,
    messageId: messageId(roll),
    payloadType: pick(roll, [
      PAYLOAD_TYPE.handshakeRequest,
      PAYLOAD_TYPE.handshakeComplete,
      PAYLOAD_TYPE.encChallengeRequest,
      PAYLOAD_TYPE.output,
      PAYLOAD_TYPE.exitCode,
      PAYLOAD_TYPE.flag,
    ]),
    payload: anyPayload(roll),
  });
}

function dataKey(roll: Dice): {
  plaintext: Buffer;
  ciphertextBlob: Buffer;
  ciphertextHash: Buffer;
} {
  return {
    plaintext: randomBytes(64),
    ciphertextBlob: roll.bytes(16),
    ciphertextHash: roll.bytes(32),
  };
}

/** Any bytes, in any pieces: frames or a framing error, and nothing kept beyond one frame. */
export function smuxCase(roll: Dice): void {
  const parts = Array.from({ length: roll.below(6) }, () =>
    roll.below(4) === 0
      ? roll.bytes(roll.below(40))
      : encodeSmuxFrame(
          pick(roll, Object.values(SMUX_COMMAND)),
          roll.below(2 ** 32),
          roll.bytes(roll.below(100)),
        ),
  );
  const stream = Buffer.concat(parts);
  const whole = read(stream, stream.length || 1);
  const pieces = read(stream, 1 + roll.below(20));
  if (whole !== pieces) throw new Error(`pieces matter: ${stream.toString('hex')}`);
}

function read(stream: Buffer, pieceBytes: number): string {
  const decoder = new SmuxDecoder();
  const frames: string[] = [];
  try {
    for (let at = 0; at < stream.length; at += pieceBytes) {
      for (const frame of decoder.push(stream.subarray(at, at + pieceBytes))) {
        frames.push(`${frame.command} ${frame.streamId} ${frame.data.toString('hex')}`);
      }
    }
  } catch (error) {
    if (!(error instanceof SmuxFramingError)) throw error;
    frames.push(error.message);
  }
  return frames.join('\n');
}
