import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SftpProtocolError, SftpStatusError } from '../../../../src/copy/sftp/errors.ts';
import { SftpClient } from '../../../../src/copy/sftp/sftp-client.ts';

/** Fields as the draft has them, written a second time. */
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const text = (value: string | Buffer): Buffer =>
  Buffer.concat([u32(Buffer.from(value as string).length), Buffer.from(value as string)]);
const packet = (type: number, ...fields: Buffer[]): Buffer => {
  const body = Buffer.concat([Buffer.of(type), ...fields]);
  return Buffer.concat([u32(body.length), body]);
};
const status = (id: number, code: number, message = ''): Buffer =>
  packet(101, u32(id), u32(code), text(message), text('en'));

const OPENSSH_EXTENSIONS = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['limits@openssh.com', '1'],
] as const;

interface Peer {
  client: SftpClient;
  /** What the client sent, a packet each, without its length. */
  sent: Buffer[];
  /** The id of the newest request. */
  id: () => number;
}

async function greeted(extensions: readonly (readonly [string, string])[] = []): Promise<Peer> {
  const sent: Buffer[] = [];
  const client = new SftpClient((bytes) => {
    expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
    sent.push(bytes.subarray(4));
  });
  const started = client.start();
  expect(sent.map((bytes) => bytes.toString('hex'))).toEqual(['0100000003']);
  client.receive(packet(2, u32(3), ...extensions.flat().map((part) => text(part))));
  await started;
  return { client, sent, id: () => sent.at(-1)!.readUInt32BE(1) };
}

describe('an SFTP client', () => {
  it('asks for what it is told to, in the layout of the draft', async () => {
    const { client, sent, id } = await greeted(OPENSSH_EXTENSIONS);
    const handle = Buffer.from('H');
    const asked: [() => Promise<unknown>, string, Buffer[]][] = [
      [
        () => client.open('/a', 26, { mode: 0o600 }),
        '03',
        [text('/a'), u32(26), u32(4), u32(0o600)],
      ],
      [() => client.read(handle, 5, 32), '05', [text(handle), u64(5), u32(32)]],
      [
        () => client.write(handle, 2 ** 40, Buffer.from('xy')),
        '06',
        [text(handle), u64(2 ** 40), text('xy')],
      ],
      [
        () => client.fsetstat(handle, { mode: 0o644, atimeS: 1.9, mtimeS: 2 }),
        '0a',
        [text(handle), u32(12), u32(0o644), u32(1), u32(2)],
      ],
      [
        () => client.posixRename('a', 'b'),
        'c8',
        [text('posix-rename@openssh.com'), text('a'), text('b')],
      ],
      [() => client.rename('a', 'b'), '12', [text('a'), text('b')]],
    ];
    for (const [ask, type, fields] of asked) {
      void ask().catch(() => undefined);
      expect(sent.at(-1)!.toString('hex')).toBe(
        type + u32(id()).toString('hex') + Buffer.concat(fields).toString('hex'),
      );
    }
    client.end(new Error('over'));
  });

  it('gives each answer to its own request, in any order and however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat()),
        fc.infiniteStream(fc.nat()),
        async (sizes, cuts, order) => {
          const { client, id } = await greeted();
          const asked = sizes.map((size, index) => {
            const answer = client.read(Buffer.from('h'), index, 10);
            const data = Buffer.alloc(size + 1, index);
            return { answer, data, reply: packet(103, u32(id()), text(data)) };
          });
          const replies = asked.map(({ reply }) => reply);
          replies.sort(() => ((order.next().value as number) % 3) - 1);
          const bytes = Buffer.concat(replies);
          const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
          edges.sort((a, b) => a - b);
          edges.slice(1).forEach((edge, at) => client.receive(bytes.subarray(edges[at], edge)));
          for (const { answer, data } of asked) expect(await answer).toEqual(data);
        },
      ),
    );
  });

  it('tells refusals from breaches of the protocol', async () => {
    const { client, id } = await greeted();
    const refused = client.open('/a', 1);
    client.receive(status(id(), 3, 'Permission denied'));
    await expect(refused).rejects.toEqual(new SftpStatusError(3, 'Permission denied'));
    const old = client.remove('/a');
    // Servers of old leave out the text.
    client.receive(packet(101, u32(id()), u32(2)));
    await expect(old).rejects.toMatchObject({ status: 2 });
    const odd = client.stat('/a');
    client.receive(packet(102, u32(id()), text('handle')));
    await expect(odd).rejects.toBeInstanceOf(SftpProtocolError);
    const wrong = client.open('/a', 1);
    client.receive(status(id(), 0));
    await expect(wrong).rejects.toBeInstanceOf(SftpProtocolError);
  });

  it('takes the end of a file or a directory for one', async () => {
    const { client, id } = await greeted();
    const data = client.read(Buffer.from('h'), 0, 10);
    client.receive(status(id(), 1));
    expect(await data).toHaveLength(0);
    const names = client.readDirectory(Buffer.from('h'));
    client.receive(status(id(), 1));
    expect(await names).toEqual([]);
  });

  it.each([
    ['more bytes than asked for', (id: number) => packet(103, u32(id), text('12345'))],
    ['no bytes at all', (id: number) => packet(103, u32(id), text(''))],
    ['an unknown kind', (id: number) => packet(99, u32(id))],
    ['a string past the end', (id: number) => packet(103, u32(id), u32(4000), Buffer.from('ab'))],
    ['another request’s id', (id: number) => packet(103, u32(id + 1), text('1'))],
    ['names without end', (id: number) => packet(104, u32(id), u32(0xffff_ffff))],
    ['a handle of 257 bytes', (id: number) => packet(102, u32(id), text('h'.repeat(257)))],
    ['a size no file has', (id: number) => packet(105, u32(id), u32(1), u64(2n ** 63n))],
    ['attributes without end', (id: number) => packet(105, u32(id), u32(0x8000_0000), u32(65))],
  ])('refuses an answer with %s', async (_, answer) => {
    const { client, id } = await greeted();
    const asked = client.read(Buffer.from('h'), 0, 4);
    let thrown: unknown;
    try {
      client.receive(answer(id()));
    } catch (error) {
      thrown = error;
      client.end(error as Error);
    }
    await expect(asked).rejects.toBeInstanceOf(SftpProtocolError);
    if (thrown !== undefined) expect(thrown).toBeInstanceOf(SftpProtocolError);
  });

  it('fails with nothing but its own error, whatever a server sends', async () => {
    const anyPacket = fc
      .tuple(
        fc.constantFrom(2, 101, 102, 103, 104, 105, 201, 0),
        fc.nat({ max: 3 }),
        fc.uint8Array(),
      )
      .map(([type, id, rest]) => packet(type, u32(id), Buffer.from(rest)));
    await fc.assert(
      fc.asyncProperty(fc.array(anyPacket), async (packets) => {
        const { client } = await greeted(OPENSSH_EXTENSIONS);
        const asked = [client.stat('/a'), client.readDirectory(Buffer.from('h')), client.limits()];
        const outcomes = Promise.allSettled(asked);
        try {
          for (const bytes of packets) client.receive(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SftpProtocolError);
        }
        client.end(new SftpProtocolError('over'));
        for (const outcome of await outcomes) {
          if (outcome.status === 'fulfilled') continue;
          const error = outcome.reason as Error;
          expect(error instanceof SftpProtocolError || error instanceof SftpStatusError).toBe(true);
        }
      }),
    );
  });

  it('asks for the limits of a server that has some, and keeps within its own', async () => {
    const { client, id } = await greeted(OPENSSH_EXTENSIONS);
    const limits = client.limits();
    client.receive(packet(201, u32(id()), u64(262_144), u64(261_120), u64(2n ** 40n), u64(1019)));
    expect(await limits).toEqual({ readBytes: 261_120, writeBytes: 261_120, openHandles: 1019 });
    const { client: plain } = await greeted();
    expect(await plain.limits()).toEqual({
      readBytes: 32_768,
      writeBytes: 32_768,
      openHandles: Infinity,
    });
  });

  it('fails all that is under way, and all that comes later, when it is over', async () => {
    const { client } = await greeted();
    const asked = client.stat('/a');
    client.end(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await expect(client.stat('/b')).rejects.toThrow('gone');
    expect(client.isEnded).toBe(true);
  });

  it.each([
    ['another version', packet(2, u32(6))],
    ['no greeting', status(1, 0)],
  ])('refuses a server that greets with %s', (_, bytes) => {
    const client = new SftpClient(() => undefined);
    client.start().catch(() => undefined);
    expect(() => client.receive(bytes)).toThrow(SftpProtocolError);
  });
});
