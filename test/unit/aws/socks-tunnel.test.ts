import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Connections } from '../../../src/aws/connections.ts';

const OK = '05000001000000000000';
let server: Server | undefined;

afterEach(async () => {
  server?.close();
  if (server !== undefined) await once(server, 'close');
  server = undefined;
});

/** Listens as a SOCKS proxy that says what it is told to, each after so many bytes were heard. */
async function socksProxy(...script: [bytes: number, answer: string][]) {
  const heard: string[] = [];
  server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        const [bytes = Infinity, answer = ''] = script[0] ?? [];
        if (buffered.length < bytes) return;
        script.shift();
        heard.push(buffered.subarray(0, bytes).toString('hex'));
        buffered = buffered.subarray(bytes);
        // One by one: nothing comes in the pieces that it was written in.
        for (const byte of Buffer.from(answer, 'hex')) socket.write(Buffer.of(byte));
        if (answer === '') socket.destroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { heard, port: (server.address() as AddressInfo).port };
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('a connection through a SOCKS proxy', () => {
  it.each([
    ['aws.internal', `050100030c${hex('aws.internal')}1f90`],
    ['10.1.2.3', '050100010a0102031f90'],
    ['[2001:db8::1]', '0501000420010db80000000000000000000000011f90'],
    ['[::]', '05010004000000000000000000000000000000001f90'],
  ])('to %s is asked for, and carries what follows', async (host, request) => {
    const { heard, port } = await socksProxy(
      [3, '0500'],
      [request.length / 2, `${OK}${hex('hello')}`],
      [2, hex('ho')],
    );
    const connections = new Connections({ ALL_PROXY: `socks5h://127.0.0.1:${port}` });
    const socket = await connections.open(new URL(`http://${host}:8080/`));
    socket.setEncoding('utf8');
    expect(await once(socket, 'data')).toEqual(['hello']);
    socket.write('hi');
    await once(socket, 'data');
    socket.destroy();
    expect(heard).toEqual(['050100', request, hex('hi')]);
  });

  it('tells who asks, when it is asked', async () => {
    const { heard, port } = await socksProxy(
      [4, '0502'],
      [10, '0100'],
      [10, `050000040000000000000000000000000000000000000000`],
    );
    const connections = new Connections({ ALL_PROXY: `socks5://al:p%40s%3As@127.0.0.1:${port}` });
    const socket = await connections.open(new URL('http://10.0.0.1:80/'));
    socket.destroy();
    expect(heard[1]).toBe(`0102${hex('al')}05${hex('p@s:s')}`);
  });

  it.each([
    ['wants a user', [[3, '05ff']], /\(SOCKS: it wants to know who asks\).*/, 'socks5://user:'],
    [
      'refuses',
      [
        [3, '0500'],
        [10, '0502000100000000'],
      ],
      /SOCKS: not allowed by its rules/,
      'NO_PROX',
    ],
    ['speaks something else', [[3, hex('HT')]], /SOCKS: not its protocol/, 'NO_PROXY'],
  ] as [string, [number, string][], RegExp, string][])(
    'is an error when it %s',
    async (_what, script, message, next) => {
      const { port } = await socksProxy(...script);
      const connections = new Connections({ HTTPS_PROXY: `socks5://127.0.0.1:${port}` });
      const error: unknown = await Promise.resolve(
        connections.open(new URL('https://10.0.0.1/')),
      ).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'DA_PROXY',
        message: expect.stringMatching(message) as string,
      });
      expect((error as { next: string }).next).toContain(next);
    },
  );

  it.each([
    ['hangs up', [[4, '']]],
    [
      'hangs up after a part of its answer',
      [
        [4, '0500'],
        [10, '050000'],
        [0, ''],
      ],
    ],
  ] as [string, [number, string][]][])('is an error when it %s', async (_what, script) => {
    const { port } = await socksProxy(...script);
    const connections = new Connections({ ALL_PROXY: `socks://u:secret@127.0.0.1:${port}` });
    const error: unknown = await Promise.resolve(
      connections.open(new URL('http://10.0.0.1/')),
    ).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'DA_PROXY_UNREACHABLE' });
    expect(String(error)).not.toContain('secret');
  });
});
