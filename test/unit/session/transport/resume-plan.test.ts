import { describe, expect, it } from 'vitest';
import { DevaccessError } from '../../../../src/platform/errors.ts';
import { GatewayOpenError } from '../../../../src/session/transport/gateway-socket.ts';
import { Liveness } from '../../../../src/session/transport/liveness.ts';
import { ResumePlan } from '../../../../src/session/transport/resume-plan.ts';

describe('resume plan', () => {
  it('tries at once, then from 100 ms doubling to 5 s', () => {
    const plan = new ResumePlan(0, () => 1);
    const delays = Array.from({ length: 9 }, () => plan.nextDelayMs());
    expect(delays).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('spreads clients by up to half', () => {
    const plan = new ResumePlan(0, () => 0);
    plan.nextDelayMs();
    expect(plan.nextDelayMs()).toBe(50);
  });

  it.each([
    ['an unreachable endpoint', new DevaccessError('DA_ENDPOINT_UNREACHABLE', '')],
    ['a service in trouble', new DevaccessError('DA_SERVICE_UNAVAILABLE', '')],
    ['a gateway in trouble', new GatewayOpenError('', 503)],
    ['a refused connection', new GatewayOpenError('connect ECONNREFUSED')],
  ])('waits out %s as long as the session may live', (_what, error) => {
    const plan = new ResumePlan(0);
    expect(plan.isHopeless(error, 19 * 60_000)).toBe(false);
    expect(plan.isHopeless(error, 21 * 60_000)).toBe(true);
  });

  it.each([
    ['expired credentials', new DevaccessError('DA_CREDENTIALS_EXPIRED', '')],
    ['denied access', new DevaccessError('DA_ACCESS_DENIED', '')],
    ['a refused upgrade', new GatewayOpenError('', 403)],
  ])('gives %s six seconds to change', (_what, error) => {
    const plan = new ResumePlan(0);
    expect(plan.isHopeless(error, 60_000)).toBe(false);
    expect(plan.isHopeless(error, 65_000)).toBe(false);
    expect(plan.isHopeless(error, 67_000)).toBe(true);
  });

  it('gives up at once on a stream address that leads elsewhere', () => {
    expect(new ResumePlan(0).isHopeless(new DevaccessError('DA_STREAM_URL', ''), 0)).toBe(true);
  });

  it('lasts until a connection has got something done, or held', () => {
    expect(ResumePlan.isProven(0, 100)).toBe(false);
    expect(ResumePlan.isProven(1, 100)).toBe(true);
    expect(ResumePlan.isProven(0, 60_000)).toBe(true);
  });
});

describe('liveness', () => {
  it('notices a silent connection within seconds while messages wait', () => {
    const liveness = new Liveness();
    liveness.restart(0);
    expect(liveness.check(2_900, 'busy')).toBe('ok');
    expect(liveness.check(3_000, 'busy')).toBe('ping');
    expect(liveness.check(7_900, 'busy')).toBe('ok');
    expect(liveness.check(8_000, 'busy')).toBe('dead');
  });

  it('pings an idle connection each 30 s and waits longer', () => {
    const liveness = new Liveness();
    liveness.restart(0);
    expect(liveness.deadlineMs('idle')).toBe(30_000);
    expect(liveness.check(30_000, 'idle')).toBe('ping');
    expect(liveness.check(39_000, 'idle')).toBe('ok');
    liveness.heard(39_500);
    expect(liveness.check(40_000, 'idle')).toBe('ok');
    expect(liveness.deadlineMs('idle')).toBe(69_500);
  });

  it('does not count the time this process was stopped, but all the rest', () => {
    const liveness = new Liveness();
    liveness.restart(0);
    expect(liveness.check(3_000, 'busy')).toBe('ping');
    liveness.slept(90_000);
    expect(liveness.check(97_900, 'busy')).toBe('ok');
    expect(liveness.check(98_000, 'busy')).toBe('dead');
  });

  it('keeps a connection that it does not read open, and never calls it dead', () => {
    const liveness = new Liveness();
    liveness.restart(0);
    for (let minute = 1; minute <= 60; minute += 1) {
      expect(liveness.check(minute * 60_000, 'deaf')).toBe('ping');
      expect(liveness.check(minute * 60_000 + 1, 'deaf')).toBe('ok');
    }
  });
});
