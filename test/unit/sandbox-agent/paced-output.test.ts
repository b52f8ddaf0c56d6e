import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PacedOutput } from '../../../src/sandbox/agent/paced-output.ts';
import type { SessionChannel } from '../../../src/sandbox/agent/session-type.ts';

let sent: number;
let isOpen: boolean;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  sent = 0;
  isOpen = true;
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const channel = {
  canSend: () => isOpen,
  send: () => (sent += 1),
} as unknown as SessionChannel;

const messages = (count: number): Buffer => Buffer.alloc(count * 1024);

describe('the output of an agent at its real pace', () => {
  it('is one message a millisecond', () => {
    const output = new PacedOutput(channel, 'real', () => undefined);
    output.push(messages(5000));
    expect(sent).toBe(1);
    vi.advanceTimersByTime(1000);
    expect(sent).toBe(1001);
  });

  it('makes up for late timers, within bounds', () => {
    const output = new PacedOutput(channel, 'real', () => undefined);
    output.push(messages(5000));
    busyFor(30);
    vi.advanceTimersToNextTimer();
    expect(sent).toBeGreaterThanOrEqual(30);
    expect(sent).toBeLessThanOrEqual(32);
    busyFor(10_000);
    vi.advanceTimersToNextTimer();
    expect(sent).toBeLessThanOrEqual(32 + 52);
  });

  it('saves up nothing while there is nothing to send, or no room', () => {
    const output = new PacedOutput(channel, 'real', () => undefined);
    output.push(messages(1));
    vi.advanceTimersByTime(1000);
    output.push(messages(10));
    expect(sent).toBe(2);
    isOpen = false;
    vi.advanceTimersByTime(1000);
    isOpen = true;
    output.pump();
    expect(sent).toBe(3);
  });
});

/** The event loop was busy: time passed, and no timer ran. */
function busyFor(milliseconds: number): void {
  const now = performance.now() + milliseconds;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
}
