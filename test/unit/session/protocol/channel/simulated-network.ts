import { ClientChannel } from '../../../../../src/session/protocol/channel/client-channel.ts';
import type { ClientChannelOptions } from '../../../../../src/session/protocol/channel/client-channel.ts';
import type { ChannelEvent } from '../../../../../src/session/protocol/channel/channel-event.ts';
import { nextMessageId, SimulatedAgent } from './simulated-agent.ts';

export interface Weather {
  /** Share of frames lost, 0 to 1. */
  loss: number;
  duplicate: number;
  delayMs: number;
  /** Random extra delay; frames overtake one another by it. */
  jitterMs: number;
}

/** Virtual time starts here, as a date: messages carry one. */
export const START_MS = 1_700_000_000_000;

interface InFlight {
  atMs: number;
  order: number;
  toAgent: boolean;
  frame: Buffer;
}

/** A small deterministic generator (mulberry32), so that a failing run can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Joins the client engine and a simulated agent by a bad network in virtual time. */
export class SimulatedNetwork {
  nowMs = START_MS;
  readonly agent = new SimulatedAgent();
  readonly client: ClientChannel;
  readonly events: ChannelEvent[] = [];
  readonly output: Buffer[] = [];
  /** Frames the client put on the wire. */
  clientFrames = 0;
  weather: Weather;
  #wire: InFlight[] = [];
  #order = 0;
  readonly #random: () => number;

  constructor(weather: Weather, seed: number, options: Partial<ClientChannelOptions> = {}) {
    this.weather = weather;
    this.#random = seededRandom(seed);
    this.client = new ClientChannel({
      nowMs: START_MS,
      randomUuid: nextMessageId,
      randomNonce: () => Buffer.alloc(12),
      ...options,
    });
  }

  /** Drops everything that is on its way, as a cut socket does. */
  cut(): void {
    this.#wire = [];
    this.client.connectionLost(this.nowMs);
  }

  /** Lets virtual time pass until `isDone`; throws after `limitMs` of it. */
  runUntil(isDone: () => boolean, limitMs: number): void {
    const endMs = this.nowMs + limitMs;
    for (;;) {
      this.#exchange();
      if (isDone()) return;
      if (this.nowMs >= endMs) throw new Error(`not done after ${limitMs} ms of virtual time`);
      this.nowMs = Math.max(Math.min(this.#nextMomentMs(), endMs), this.nowMs);
      this.#deliver();
    }
  }

  #nextMomentMs(): number {
    const moments = [
      this.#wire[0]?.atMs,
      this.client.deadlineMs(this.nowMs),
      this.agent.deadlineMs,
    ].filter((moment) => moment !== undefined);
    // A deadline in the past is due now; a small step keeps time moving.
    return Math.max(Math.min(...moments, Infinity), this.nowMs + 0.05);
  }

  #exchange(): void {
    this.client.expire(this.nowMs);
    for (const event of this.client.takeEvents()) {
      this.events.push(event);
      if (event.type === 'output') this.output.push(Buffer.from(event.payload));
    }
    for (const frame of this.client.takeFrames(this.nowMs)) {
      this.clientFrames += 1;
      this.#put(frame, true);
    }
    for (const frame of this.agent.takeFrames(this.nowMs)) this.#put(frame, false);
  }

  #put(frame: Buffer, toAgent: boolean): void {
    const { loss, duplicate, delayMs, jitterMs } = this.weather;
    if (this.#random() < loss) return;
    const copies = this.#random() < duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const atMs = this.nowMs + delayMs / 2 + this.#random() * jitterMs;
      this.#order += 1;
      this.#wire.push({ atMs, order: this.#order, toAgent, frame });
    }
    this.#wire.sort((left, right) => left.atMs - right.atMs || left.order - right.order);
  }

  #deliver(): void {
    while (this.#wire[0] !== undefined && this.#wire[0].atMs <= this.nowMs) {
      const { toAgent, frame } = this.#wire.shift()!;
      if (toAgent) this.agent.receive(frame, this.nowMs);
      else this.client.receive(frame, this.nowMs);
    }
  }
}
