import { describe, expect, it } from 'vitest';
import { clockFinding, clockSkewSeconds } from '../../../src/doctor/clock-finding.ts';
import type { EndpointProbe } from '../../../src/doctor/probe-endpoint.ts';

const NOW = Date.UTC(2026, 0, 1);
const answered = (aheadS: number | undefined): EndpointProbe => ({
  address: { service: 'sts', url: new URL('https://sts.example'), setting: undefined },
  route: undefined,
  outcome: {
    state: 'answers',
    status: 302,
    millis: 10,
    // Half a second has passed since the second that `Date` tells, on average.
    serverMs: aheadS === undefined ? undefined : NOW - aheadS * 1000 - 500,
    clockMs: NOW,
  },
});

describe('the clock', () => {
  it('is compared with the middle of what endpoints say', () => {
    expect(clockSkewSeconds([])).toBeUndefined();
    expect(clockSkewSeconds([answered(undefined)])).toBeUndefined();
    expect(clockSkewSeconds([answered(-4000), answered(7), answered(8)])).toBe(7);
  });

  it.each([
    [0, 'ok', 'The clock is right'],
    [3, 'ok', 'The clock is right'],
    [-30, 'ok', "The clock is 30 s behind AWS's"],
    [90, 'warning', "The clock is 1 min 30 s ahead of AWS's; from 5 min on AWS refuses every call"],
    [300, 'problem', "The clock is 5 min 0 s ahead of AWS's: AWS refuses what is signed more"],
    [-7300, 'problem', "The clock is 2 h 1 min behind AWS's: AWS refuses"],
  ])('%d s ahead is %s', (skew, severity, what) => {
    const found = clockFinding(skew, 'linux');
    expect(found).toMatchObject({ severity, what: expect.stringContaining(what) as string });
    expect(found.fix !== null).toBe(severity !== 'ok');
  });

  it('is set right by a command of the system', () => {
    const fix = (platform: NodeJS.Platform) => clockFinding(9999, platform).fix;
    expect(fix('linux')).toEqual({ command: 'sudo timedatectl set-ntp true' });
    expect(fix('darwin')).toEqual({ command: 'sudo sntp -sS time.apple.com' });
    expect(fix('win32')).toEqual({ command: 'w32tm /resync' });
    expect(fix('freebsd')).toEqual({ edit: 'turn on automatic time' });
  });
});
