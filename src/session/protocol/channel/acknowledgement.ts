import { HEADER_FLAG, MESSAGE_TYPE } from '../message/constants.ts';
import { encodeMessage } from '../message/message.ts';
import type { ClientMessage } from '../message/message.ts';
import { parsePeerObject } from './handshake.ts';

/** The `acknowledge` message for one data message (docs/protocol.md §4), field order as recorded. */
export function encodeAcknowledgement(
  message: ClientMessage,
  messageId: string,
  nowMs: number,
): Buffer {
  const payload = Buffer.from(
    `{"AcknowledgedMessageType":"${message.messageType}","AcknowledgedMessageId":"${message.messageId}","AcknowledgedMessageSequenceNumber":${message.sequenceNumber},"IsSequentialMessage":true}`,
    'latin1',
  );
  return encodeMessage({
    messageType: MESSAGE_TYPE.acknowledge,
    schemaVersion: 1,
    createdDateMs: Math.floor(nowMs),
    sequenceNumber: 0,
    flags: HEADER_FLAG.syn | HEADER_FLAG.fin,
    messageId,
    payloadType: 0,
    payload,
  });
}

/** The number that an `acknowledge` payload names; undefined when it names none. */
export function acknowledgedNumber(payload: Buffer): number | undefined {
  const number = parsePeerObject(payload)?.['AcknowledgedMessageSequenceNumber'];
  return typeof number === 'number' ? number : undefined;
}
