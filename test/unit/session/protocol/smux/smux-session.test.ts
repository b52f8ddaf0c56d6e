import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeSmuxFrame,
  SMUX_COMMAND,
  SmuxDecoder,
} from '../../../../../src/session/protocol/smux/frame.ts';
import type { SmuxFrame } from '../../../../../src/session/protocol/smux/frame.ts';
import { SmuxSession } from '../../../../../src/session/protocol/smux/smux-session.ts';
import { readVector } from '../../../../vectors/read-vector.ts';

const NO_KEEP_ALIVE = { nowMs: 0, keepAlive: false };

/** Everything the session wants to send, as frames. */
function sent(session: SmuxSession, limit = Infinity): SmuxFrame[] {
  const decoder = new SmuxDecoder();
  return session.takeBytes(limit).flatMap((bytes) => [...decoder.push(bytes)]);
}

describe('smux session, client side', () => {
  it('sends the recorded transcript byte for byte', () => {
    const transcript = readVector('session-manager/smux-transcript.json') as Record<
      string,
      string
    >[];
    const bytesOf = (step: Record<string, string>): Buffer =>
      step['hex'] === undefined
        ? Buffer.concat([
            Buffer.from(step['headerHex']!, 'hex'),
            Buffer.alloc(Number(step['note']!.split('len=')[1]), step['payloadRepeats'], 'hex'),
          ])
        : Buffer.from(step['hex'], 'hex');
    const recorded = Buffer.concat(
      transcript.filter((step) => step['from'] === 'client').map(bytesOf),
    );
    const [world, fin3, fin5] = transcript.filter((step) => step['from'] === 'server').map(bytesOf);

    const session = new SmuxSession(NO_KEEP_ALIVE);
    const wire: Buffer[] = [];
    const flush = (): number => wire.push(...session.takeBytes(Infinity));
    const first = session.openStream();
    session.write(first, Buffer.from('hello'));
    flush();
    session.receive(world!);
    expect(session.takeEvents()).toEqual([
      { type: 'data', streamId: 3, data: Buffer.from('world!') },
    ]);
    const second = session.openStream();
    session.write(second, Buffer.alloc(70_000, 'z'));
    flush();
    session.receive(fin3!);
    flush();
    session.finish(second);
    flush();
    session.receive(fin5!);
    flush();
    expect(Buffer.concat(wire).equals(recorded)).toBe(true);
    expect(session.openStreams).toBe(0);
  });

  it('gives every stream its turn while one sends a lot', () => {
    const session = new SmuxSession(NO_KEEP_ALIVE);
    const big = session.openStream();
    const small = session.openStream();
    session.write(big, Buffer.alloc(1_000_000));
    session.write(small, Buffer.from('me too'));
    const frames = sent(session, 10_000);
    const smallAt = frames.findIndex(
      (frame) => frame.streamId === small && frame.command === SMUX_COMMAND.psh,
    );
    expect(
      frames.slice(0, smallAt).reduce((sum, frame) => sum + frame.data.length, 0),
    ).toBeLessThanOrEqual(4096);
    expect(session.queuedBytes(big)).toBeGreaterThan(900_000);
  });

  it('sends FIN after the data, and takes what still comes back', () => {
    const session = new SmuxSession(NO_KEEP_ALIVE);
    const id = session.openStream();
    session.write(id, Buffer.from('question'));
    session.receive(encodeSmuxFrame(SMUX_COMMAND.psh, id, Buffer.from('answer')));
    session.finish(id);
    session.write(id, Buffer.from('too late'));
    expect(sent(session).map(({ command }) => command)).toEqual([
      SMUX_COMMAND.syn,
      SMUX_COMMAND.psh,
      SMUX_COMMAND.fin,
    ]);
    expect(session.takeEvents()).toEqual([
      { type: 'data', streamId: id, data: Buffer.from('answer') },
    ]);
    expect(session.hasBytes).toBe(false);
  });

  it('answers FIN with FIN and drops what the far end would discard', () => {
    const session = new SmuxSession(NO_KEEP_ALIVE);
    const id = session.openStream();
    sent(session);
    session.write(id, Buffer.alloc(100));
    session.receive(encodeSmuxFrame(SMUX_COMMAND.fin, id));
    expect(session.takeEvents()).toEqual([{ type: 'finished', streamId: id }]);
    expect(sent(session)).toEqual([
      { command: SMUX_COMMAND.fin, streamId: id, data: Buffer.alloc(0) },
    ]);
    expect(session.openStreams).toBe(0);
  });

  it('ignores frames of streams it does not have', () => {
    const session = new SmuxSession(NO_KEEP_ALIVE);
    for (const command of Object.values(SMUX_COMMAND))
      session.receive(encodeSmuxFrame(command, 99));
    expect(session.takeEvents()).toEqual([]);
    expect(session.hasBytes).toBe(false);
  });

  it('keeps old agents alive with a NOP every 10 s, and others not', () => {
    const session = new SmuxSession({ nowMs: 1000, keepAlive: true });
    session.keepAlive(10_999);
    expect(session.hasBytes).toBe(false);
    expect(session.deadlineMs).toBe(11_000);
    session.keepAlive(11_000);
    expect(sent(session)).toEqual([
      { command: SMUX_COMMAND.nop, streamId: 0, data: Buffer.alloc(0) },
    ]);
    expect(new SmuxSession(NO_KEEP_ALIVE).deadlineMs).toBeUndefined();
  });

  it('delivers every stream whole and in order, however it is interleaved', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 4 }), fc.uint8Array({ maxLength: 20_000 })), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 9000 }),
        (writes, limit) => {
          const session = new SmuxSession(NO_KEEP_ALIVE);
          const ids = Array.from({ length: 5 }, () => session.openStream());
          const expected = new Map<number, Buffer>(ids.map((id) => [id, Buffer.alloc(0)]));
          const received = new Map(expected);
          const decoder = new SmuxDecoder();
          const finished: number[] = [];
          const pump = (): void => {
            for (const bytes of session.takeBytes(limit)) {
              for (const frame of decoder.push(bytes)) {
                if (frame.command === SMUX_COMMAND.fin) finished.push(frame.streamId);
                if (frame.command === SMUX_COMMAND.psh)
                  received.set(
                    frame.streamId,
                    Buffer.concat([received.get(frame.streamId)!, frame.data]),
                  );
              }
            }
          };
          for (const [index, data] of writes) {
            const id = ids[index]!;
            session.write(id, Buffer.from(data));
            expected.set(id, Buffer.concat([expected.get(id)!, data]));
            pump();
          }
          for (const id of ids) session.finish(id);
          while (session.hasBytes) pump();
          expect(received).toEqual(expected);
          expect(finished.sort((a, b) => a - b)).toEqual(ids);
        },
      ),
      { numRuns: 50 },
    );
  });
});
