import { randomUUID } from 'node:crypto';
import { MESSAGE_TYPE } from '../../session/protocol/message/constants.ts';
import { encodeMessage } from '../../session/protocol/message/message.ts';

const DIGEST_OFFSET = 80;
const DIGEST_BYTES = 32;

/**
 * A `pause_publication` or `start_publication` frame. Its digest is not valid, as the service's is
 * not: a client that checks it fails here too (docs/protocol.md §4).
 */
export function publicationFrame(
  messageType: typeof MESSAGE_TYPE.startPublication | typeof MESSAGE_TYPE.pausePublication,
  nowMs: number,
): Buffer {
  const frame = serviceFrame(messageType, Buffer.alloc(0), nowMs);
  frame.fill(0, DIGEST_OFFSET, DIGEST_OFFSET + DIGEST_BYTES);
  return frame;
}

/**
 * The `channel_closed` frame, fields in the order the service writes them.
 * @param closed `output` is the reason a person sees; empty when the session ended by its own
 */
export function channelClosedFrame(
  closed: { sessionId: string; destinationId: string; output: string },
  nowMs: number,
): Buffer {
  const payload = {
    MessageId: randomUUID(),
    CreatedDate: new Date(nowMs).toISOString(),
    DestinationId: closed.destinationId,
    SessionId: closed.sessionId,
    MessageType: MESSAGE_TYPE.channelClosed,
    SchemaVersion: 1,
    Output: closed.output,
  };
  return serviceFrame(MESSAGE_TYPE.channelClosed, Buffer.from(JSON.stringify(payload)), nowMs);
}

function serviceFrame(messageType: string, payload: Buffer, nowMs: number): Buffer {
  return encodeMessage({
    messageType,
    schemaVersion: 1,
    createdDateMs: nowMs,
    sequenceNumber: 0,
    flags: 0,
    messageId: randomUUID(),
    payloadType: 0,
    payload,
  });
}
