import ssh2 from 'ssh2';
import type { FileEntry, SFTPWrapper } from 'ssh2';
import { MAX_HANDLES, MAX_READ_BYTES, SftpFailure } from './sftp-files.ts';
import type { SftpFiles } from './sftp-files.ts';

const { STATUS_CODE } = ssh2.utils.sftp;

/** What is offered, with its version (OpenSSH's PROTOCOL file, §4). */
const OFFERED = {
  'posix-rename@openssh.com': '1',
  'statvfs@openssh.com': '2',
  'fsync@openssh.com': '1',
  'limits@openssh.com': '1',
  'expand-path@openssh.com': '1',
} as const;

const MAX_PACKET_BYTES = 256 * 1024;
const VERSION = 2;
const EXTENDED_REPLY = 201;

/** The parts of ssh2's SFTP channel that its types leave out. */
interface SftpInternals {
  push(data: Buffer | null): void;
  on(
    event: 'EXTENDED',
    listener: (id: number, name: string, fields: Buffer | undefined) => void,
  ): void;
  _version: number;
  _protocol: { channelData(channel: number, data: Buffer): void };
  outgoing: { id: number; state: string; window: number };
}

type Answer = <T>(requestId: number, request: () => Promise<T>, reply: (result: T) => void) => void;

/**
 * Offers and answers the extensions that OpenSSH's own tools and copies make use of. ssh2 (1.17)
 * greets a client without any, so it is greeted here.
 *
 * @param answer runs one request in its turn, and answers a failure
 */
export function serveExtensions(sftp: SFTPWrapper, files: SftpFiles, answer: Answer): void {
  const channel = sftp as unknown as SftpInternals;
  greet(channel);
  channel.on('EXTENDED', (id, name, rest = Buffer.alloc(0)) => {
    const strings = (count: number): string[] => splitStrings(rest, count).map(String);
    const done = (): void => sftp.status(id, STATUS_CODE.OK);
    switch (name) {
      case 'posix-rename@openssh.com': {
        answer(id, () => files.renameOver(...(strings(2) as [string, string])), done);
        return;
      }
      case 'fsync@openssh.com':
        answer(id, () => files.sync(splitStrings(rest, 1)[0] ?? rest), done);
        return;
      case 'expand-path@openssh.com':
        answer(
          id,
          () => files.expandPath(strings(1)[0] ?? ''),
          (names: FileEntry[]) => sftp.name(id, names),
        );
        return;
      case 'statvfs@openssh.com':
        answer(
          id,
          () => files.fileSystem(strings(1)[0] ?? ''),
          ({ bsize, blocks, bfree, bavail, files: nodes, ffree }) =>
            // bsize · frsize · blocks · bfree · bavail · files · ffree · favail · fsid · flag · namemax
            send(channel, id, [
              bsize,
              bsize,
              blocks,
              bfree,
              bavail,
              nodes,
              ffree,
              ffree,
              0n,
              0n,
              255n,
            ]),
        );
        return;
      case 'limits@openssh.com':
        // max-packet-length · max-read-length · max-write-length · max-open-handles
        send(
          channel,
          id,
          [MAX_PACKET_BYTES, MAX_READ_BYTES, MAX_READ_BYTES, MAX_HANDLES].map(BigInt),
        );
        return;
      default:
        sftp.status(id, STATUS_CODE.OP_UNSUPPORTED);
    }
  });
}

/** Answers the first packet, INIT, with a VERSION that names the extensions. */
function greet(channel: SftpInternals): void {
  const push = channel.push.bind(channel);
  let pending = Buffer.alloc(0);
  channel.push = (data) => {
    if (data === null) {
      push(null);
      return;
    }
    pending = Buffer.concat([pending, data]);
    if (pending.length < 4 || pending.length < 4 + pending.readUInt32BE(0)) return;
    channel.push = push;
    channel._version = 3;
    const extensions = Object.entries(OFFERED).flat().map(string);
    write(channel, packet(VERSION, [uint32(3), ...extensions]));
    const rest = pending.subarray(4 + pending.readUInt32BE(0));
    if (rest.length > 0) push(rest);
  };
}

function send(channel: SftpInternals, id: number, values: readonly bigint[]): void {
  const fields = values.map((value) => {
    const field = Buffer.alloc(8);
    field.writeBigUInt64BE(value);
    return field;
  });
  write(channel, packet(EXTENDED_REPLY, [uint32(id), ...fields]));
}

/** A few bytes, for which a client that asks has room: its window is megabytes. */
function write(channel: SftpInternals, data: Buffer): void {
  const { outgoing } = channel;
  if (outgoing.state !== 'open' || outgoing.window < data.length) return;
  outgoing.window -= data.length;
  channel._protocol.channelData(outgoing.id, data);
}

function packet(type: number, fields: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), ...fields]);
  return Buffer.concat([uint32(body.length), body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function string(value: string): Buffer {
  return Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** @throws SftpFailure when the fields are not that many strings */
function splitStrings(fields: Buffer, count: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; found.length < count;) {
    const length = fields.length >= at + 4 ? fields.readUInt32BE(at) : Infinity;
    if (fields.length < at + 4 + length) {
      throw new SftpFailure(STATUS_CODE.BAD_MESSAGE, 'fields are missing');
    }
    found.push(fields.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}
