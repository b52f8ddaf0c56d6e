import { describe, expect, it } from 'vitest';
import { DevaccessError } from '../../../../src/platform/errors.ts';
import { SILENT_LOG } from '../../../../src/platform/log.ts';
import type { SessionApi, StartedSession } from '../../../../src/session/session-api.ts';
import { planDigest } from '../../../../src/session/tunnels/tunnel-plan.ts';
import type { TunnelPlan } from '../../../../src/session/tunnels/tunnel-plan.ts';
import { TunnelSet } from '../../../../src/session/tunnels/tunnel-set.ts';

function plan(name: string): TunnelPlan {
  const listen = { host: '127.0.0.1', port: 0 };
  return {
    name,
    host: 'bastion',
    profile: undefined,
    region: undefined,
    forwards: [{ target: 'i-0123456789abcdef0', port: 80, listen, sessions: 1 }],
  };
}

/** An AWS that answers StartSession when the test says so. */
class SlowApi implements SessionApi {
  readonly region = 'us-east-1';
  readonly configuredHosts = [];
  readonly terminated: string[] = [];
  answer: (session: StartedSession) => void = () => undefined;
  refuse: (error: Error) => void = () => undefined;
  asked: Promise<void>;
  #tellAsked: () => void = () => undefined;

  constructor() {
    this.asked = new Promise((resolve) => (this.#tellAsked = resolve));
  }

  start(): Promise<StartedSession> {
    this.#tellAsked();
    return new Promise((resolve, reject) => {
      this.answer = resolve;
      this.refuse = reject;
    });
  }

  terminate(sessionId: string): Promise<void> {
    this.terminated.push(sessionId);
    return Promise.resolve();
  }

  resume = (): never => unused();
  credentials = (): never => unused();
  readonly now = new Date();
  generateDataKey = (): never => unused();
}

function unused(): never {
  throw new Error('not for this test');
}

function setOf(
  plans: TunnelPlan[],
  api: SessionApi,
  stop = new AbortController().signal,
): TunnelSet {
  return new TunnelSet({
    plans,
    apiFor: () => Promise.resolve(api),
    readExpiry: unused,
    log: SILENT_LOG,
    onEvent: () => undefined,
    stop,
  });
}

const SESSION = { sessionId: 'alice-1', streamUrl: 'wss://127.0.0.1:1/', tokenValue: 'x' };

describe('TunnelSet', () => {
  it('gives up what is being opened when it is closed, and ends what comes of it', async () => {
    const api = new SlowApi();
    const set = setOf([plan('one'), plan('two')], api);
    const opened = set.open();
    await api.asked;
    expect(set.statuses.map(({ state }) => state)).toEqual(['opening', 'opening']);
    const closed = set.close(['one', 'two']);
    api.answer(SESSION);
    expect(await opened).toBe(false);
    await closed;
    await set.ended;
    expect(api.terminated).toContain('alice-1');
    expect(set.names).toEqual([]);
  });

  it('gives up when it is stopped', async () => {
    const api = new SlowApi();
    const stop = new AbortController();
    const opened = setOf([plan('one')], api, stop.signal).open();
    await api.asked;
    stop.abort();
    api.answer(SESSION);
    expect(await opened).toBe(false);
    expect(api.terminated).toEqual(['alice-1']);
  });

  it('fails with what the first one failed with', async () => {
    const api = new SlowApi();
    const opened = setOf([plan('one')], api).open();
    await api.asked;
    api.refuse(new DevaccessError('DA_TARGET_NOT_CONNECTED', 'gone'));
    await expect(opened).rejects.toMatchObject({ code: 'DA_TARGET_NOT_CONNECTED' });
  });
});

describe('planDigest', () => {
  it('tells settings apart', () => {
    const changed = { ...plan('db'), region: 'eu-west-1' };
    expect(planDigest(plan('db'))).toBe(planDigest(plan('db')));
    expect(planDigest(changed)).not.toBe(planDigest(plan('db')));
  });
});
