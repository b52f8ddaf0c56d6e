import { decodeAttributes } from './attributes.ts';
import type { SftpAttributes } from './attributes.ts';
import { MAX_HANDLE_BYTES, PACKET } from './constants.ts';
import { SftpProtocolError } from './errors.ts';
import { WireReader } from './wire.ts';

/** One entry of a directory. The name is as the server sent it: not to be trusted. */
export interface SftpName {
  name: Buffer;
  attributes: SftpAttributes;
}

export type SftpResponse =
  | { kind: 'status'; status: number; text: string }
  | { kind: 'handle'; handle: Buffer }
  | { kind: 'data'; data: Buffer }
  | { kind: 'names'; names: SftpName[] }
  | { kind: 'attributes'; attributes: SftpAttributes }
  /** Its fields are those of the extension that was asked. */
  | { kind: 'extended'; fields: WireReader };

/** An entry has two strings, their lengths, and at least the flags of its attributes. */
const MIN_NAME_BYTES = 12;
const MAX_TEXT_BYTES = 1024;

/**
 * Decodes an answer (§7), from its type on.
 *
 * @returns the id of the request it answers, and what it says; data are a view into the packet
 * @throws SftpProtocolError for anything that is not a well-formed answer
 */
export function decodeResponse(packet: Buffer): { id: number; response: SftpResponse } {
  const reader = new WireReader(packet);
  const type = reader.byte();
  const id = reader.uint32();
  return { id, response: decodeBody(type, reader) };
}

function decodeBody(type: number, reader: WireReader): SftpResponse {
  switch (type) {
    case PACKET.status: {
      const status = reader.uint32();
      // Old servers leave out the text and its language.
      const text = reader.remaining >= 4 ? reader.string().subarray(0, MAX_TEXT_BYTES) : '';
      return { kind: 'status', status, text: text.toString('utf8') };
    }
    case PACKET.handle: {
      const handle = reader.string();
      if (handle.length > MAX_HANDLE_BYTES) throw new SftpProtocolError('handle too long');
      // It is kept for long, the packet need not be.
      return { kind: 'handle', handle: Buffer.from(handle) };
    }
    case PACKET.data:
      return { kind: 'data', data: reader.string() };
    case PACKET.name:
      return { kind: 'names', names: decodeNames(reader) };
    case PACKET.attrs:
      return { kind: 'attributes', attributes: decodeAttributes(reader) };
    case PACKET.extendedReply:
      return { kind: 'extended', fields: reader };
    default:
      throw new SftpProtocolError(`a packet of the unknown type ${type}`);
  }
}

// count u32 · count × (filename · longname · ATTRS)
function decodeNames(reader: WireReader): SftpName[] {
  const count = reader.uint32();
  if (count * MIN_NAME_BYTES > reader.remaining) {
    throw new SftpProtocolError('more names than fit into the packet');
  }
  return Array.from({ length: count }, () => {
    const name = Buffer.from(reader.string());
    // The line for people is never shown: it could say anything.
    reader.string();
    return { name, attributes: decodeAttributes(reader) };
  });
}
