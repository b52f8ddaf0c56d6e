/** Numbers and names of the data channel's client message (docs/protocol.md §2, §3). */

export const MESSAGE_TYPE = {
  inputStreamData: 'input_stream_data',
  outputStreamData: 'output_stream_data',
  acknowledge: 'acknowledge',
  channelClosed: 'channel_closed',
  startPublication: 'start_publication',
  pausePublication: 'pause_publication',
} as const;

export const PAYLOAD_TYPE = {
  output: 1,
  error: 2,
  size: 3,
  parameter: 4,
  handshakeRequest: 5,
  handshakeResponse: 6,
  handshakeComplete: 7,
  encChallengeRequest: 8,
  encChallengeResponse: 9,
  flag: 10,
  stdErr: 11,
  exitCode: 12,
} as const;

/** The 32-bit value of a Flag payload. */
export const FLAG = { disconnectToPort: 1, terminateSession: 2, connectToPortError: 3 } as const;

/** Bits of the header's Flags field. */
export const HEADER_FLAG = { syn: 1, fin: 2 } as const;

/** Bytes before PayloadLength in the header that every peer writes. */
export const HEADER_LENGTH = 116;

/** What the official client and agent put in one data message, in bytes. */
export const DEFAULT_PAYLOAD_BYTES = 1024;
