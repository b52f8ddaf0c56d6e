import { ClientChannel } from '../../../../../src/session/protocol/channel/client-channel.ts';
import type { ClientChannelOptions } from '../../../../../src/session/protocol/channel/client-channel.ts';
import type { ChannelEvent } from '../../../../../src/session/protocol/channel/channel-event.ts';
import { PAYLOAD_TYPE } from '../../../../../src/session/protocol/message/constants.ts';
import { nextMessageId, SimulatedAgent } from './simulated-agent.ts';

export interface Weather {
  /** Share of frames lost, 0 to 1. */
  loss: number;
  duplicate: number;
  delayMs: number;
  /** Random extra delay; frames overtake one another by it. */
  jitterMs: number;
  /** Bytes a millisecond that pass in each direction; what is more waits. Default: any number. */
  bytesPerMs?: number;
  /** The agent looks at what has arrived only so often, as a busy machine does. Default: at once. */
  agentBusyMs?: number;
}

export const CALM: Weather = { loss: 0, duplicate: 0, delayMs: 1, jitterMs: 0 };

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
  outputBytes = 0;
  /** Frames the client put on the wire. */
  clientFrames = 0;
  weather: Weather;
  #wire: InFlight[] = [];
  /** When each direction has passed on all that it was given. */
  readonly #passedAtMs = { toAgent: 0, toClient: 0 };
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

  /** Lets so much virtual time pass. */
  runFor(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    this.runUntil(() => this.nowMs >= endMs, durationMs + 1);
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
      if (event.type !== 'output') continue;
      this.output.push(Buffer.from(event.payload));
      this.outputBytes += event.payload.length;
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
      this.#order += 1;
      const atMs = this.#passedMs(frame, toAgent) + delayMs / 2 + this.#random() * jitterMs;
      this.#insert({ atMs: this.#heardMs(atMs, toAgent), order: this.#order, toAgent, frame });
    }
  }

  #passedMs(frame: Buffer, toAgent: boolean): number {
    const { bytesPerMs } = this.weather;
    if (bytesPerMs === undefined) return this.nowMs;
    const direction = toAgent ? 'toAgent' : 'toClient';
    const startMs = Math.max(this.nowMs, this.#passedAtMs[direction]);
    this.#passedAtMs[direction] = startMs + frame.length / bytesPerMs;
    return this.#passedAtMs[direction];
  }

  #heardMs(atMs: number, toAgent: boolean): number {
    const { agentBusyMs } = this.weather;
    if (!toAgent || agentBusyMs === undefined) return atMs;
    return Math.ceil(atMs / agentBusyMs) * agentBusyMs;
  }

  /** Keeps the wire in order of time; most frames go to the end. */
  #insert(inFlight: InFlight): void {
    let low = 0;
    let high = this.#wire.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#wire[middle]!.atMs <= inFlight.atMs) low = middle + 1;
      else high = middle;
    }
    this.#wire.splice(low, 0, inFlight);
  }

  #deliver(): void {
    let count = 0;
    while (count < this.#wire.length && this.#wire[count]!.atMs <= this.nowMs) count += 1;
    for (const { toAgent, frame } of this.#wire.splice(0, count)) {
      if (toAgent) this.agent.receive(frame, this.nowMs);
      else this.client.receive(frame, this.nowMs);
    }
  }
}

/** A network whose handshake has gone through calm weather. */
export function connected(
  weather: Weather = CALM,
  seed = 1,
  options: Partial<ClientChannelOptions> = {},
): SimulatedNetwork {
  const network = new SimulatedNetwork(CALM, seed, options);
  network.agent.requestHandshake(network.nowMs);
  network.runUntil(() => network.client.isReady, 1000);
  network.weather = weather;
  return network;
}

/** Offers all of `data` as the client takes it, and runs until the agent has acknowledged it. */
export function upload(network: SimulatedNetwork, data: Buffer, limitMs: number): void {
  let offered = 0;
  network.runUntil(() => {
    while (offered < data.length && network.client.wantsInput) {
      network.client.sendInput(data.subarray(offered, offered + 16_384), network.nowMs);
      offered += 16_384;
    }
    return offered >= data.length && network.client.isDrained;
  }, limitMs);
}

/** Lets the agent send all of `data` at once, and runs until the client has handed it on. */
export function download(network: SimulatedNetwork, data: Buffer, limitMs: number): void {
  for (let at = 0; at < data.length; at += 1024) {
    network.agent.send(PAYLOAD_TYPE.output, data.subarray(at, at + 1024), network.nowMs);
  }
  const before = network.outputBytes;
  network.runUntil(() => network.outputBytes - before >= data.length, limitMs);
}
