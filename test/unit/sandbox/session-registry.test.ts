import { describe, expect, it } from 'vitest';
import { SessionRegistry } from '../../../src/sandbox/session-registry.ts';

const request = {
  target: 'i-1',
  documentName: 'AWS-StartSSHSession',
  parameters: {},
  ownerArn: 'arn:aws:iam::123456789012:user/alice',
  ownerUserId: 'AIDA',
  ownerName: 'alice',
};

describe('the session registry', () => {
  it('keeps the newest sixteen unused tokens of a session', () => {
    const registry = new SessionRegistry();
    const { sessionId } = registry.start(request);
    const tokens = Array.from({ length: 17 }, () => registry.issueToken(sessionId));
    expect(tokens.map((token) => registry.redeemToken(sessionId, token))).toEqual([
      false,
      ...Array.from({ length: 16 }, () => true),
    ]);
  });

  it('opens one data channel a token, of its own session, while that lives', () => {
    const registry = new SessionRegistry();
    const [one, two] = [registry.start(request), registry.start(request)];
    const token = registry.issueToken(one.sessionId);
    expect(registry.redeemToken(two.sessionId, token)).toBe(false);
    expect(registry.redeemToken(one.sessionId, token)).toBe(true);
    expect(registry.redeemToken(one.sessionId, token)).toBe(false);
    const late = registry.issueToken(one.sessionId);
    registry.terminate(one.sessionId, 'over');
    expect(registry.redeemToken(one.sessionId, late)).toBe(false);
  });

  it('tells of an end once and keeps a limited history', () => {
    const registry = new SessionRegistry(() => 42);
    const heard: string[] = [];
    registry.onTerminate(({ sessionId }, reason) => heard.push(`${sessionId} ${reason}`));
    const first = registry.start(request);
    expect(registry.terminate(first.sessionId, 'over')).toBe(true);
    expect(registry.terminate(first.sessionId, 'again')).toBe(false);
    expect(heard).toEqual([`${first.sessionId} over`]);
    expect(registry.get(first.sessionId)).toMatchObject({ status: 'Terminated', endedAtMs: 42 });
    const live = registry.start(request);
    for (let count = 0; count < 1000; count += 1) {
      registry.terminate(registry.start(request).sessionId, '');
    }
    expect(registry.list()).toHaveLength(1000);
    expect(registry.get(first.sessionId)).toBeUndefined();
    expect(registry.get(live.sessionId)).toBeDefined();
  });
});
