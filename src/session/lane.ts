import type { SessionFacts } from './protocol/channel/channel-event.ts';
import { SmuxSession } from './protocol/smux/smux-session.ts';

/** How the bytes of one connection travel inside a port session's Output messages. */
export interface Lane {
  /** What opens the connection at the agent; empty where the agent has opened it already. */
  readonly opening: Buffer;
  wrap(bytes: Buffer): Buffer;
  /** @throws SmuxFramingError when the agent breaks the framing */
  unwrap(payload: Buffer): { data: Buffer[]; isFinished: boolean };
  /** An acknowledgement of input tells that the far end took it. */
  readonly isDeliveryProof: boolean;
}

/** The lane of a session, as the agent announced it (docs/protocol.md §6). */
export function laneOf(session: SessionFacts): Lane {
  const isMultiplexed =
    session.properties['type'] === 'LocalPortForwarding' && session.abilities.tcpMultiplexing;
  return isMultiplexed ? smuxLane() : PLAIN_LANE;
}

/** AWS-StartSSHSession: the bytes as they are. */
const PLAIN_LANE: Lane = {
  opening: Buffer.alloc(0),
  wrap: (bytes) => bytes,
  unwrap: (payload) => ({ data: [payload], isFinished: false }),
  isDeliveryProof: true,
};

/** A forwarding document: one smux stream, for one connection. */
function smuxLane(): Lane {
  // One connection needs no keep-alive of its own: it lives as long as the session.
  const smux = new SmuxSession({ nowMs: 0, keepAlive: false });
  const streamId = smux.openStream();
  const taken = (): Buffer => Buffer.concat(smux.takeBytes(Infinity));
  return {
    opening: taken(),
    wrap: (bytes) => {
      smux.write(streamId, bytes);
      return taken();
    },
    unwrap: (payload) => {
      smux.receive(payload);
      const events = smux.takeEvents();
      return {
        data: events.flatMap((event) => (event.type === 'data' ? [event.data] : [])),
        isFinished: events.some((event) => event.type === 'finished'),
      };
    },
    isDeliveryProof: false,
  };
}
