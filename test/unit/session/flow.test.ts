import { describe, expect, it } from 'vitest';
import { readFlow } from '../../../src/session/flow.ts';

describe('pace and window', () => {
  it('are left to the session when nobody names them', () => {
    expect(readFlow({}, { DEVACCESS_PACE: '', DEVACCESS_WINDOW: '' })).toEqual({});
  });

  it.each([
    ['off', 'off'],
    ['900', { perSecond: 900, burst: 900 }],
    ['500/2000', { perSecond: 500, burst: 2000 }],
  ])('%s', (pace, expected) => {
    expect(readFlow({ pace }, { DEVACCESS_PACE: '1' })).toEqual({ pace: expected });
    expect(readFlow({}, { DEVACCESS_PACE: pace })).toEqual({ pace: expected });
  });

  it('takes flags before variables, and these before the config file', () => {
    const config = { pace: '1', window: '128' };
    expect(
      readFlow({ pace: '3' }, { DEVACCESS_PACE: '2', DEVACCESS_WINDOW: '64' }, config),
    ).toEqual({
      pace: { perSecond: 3, burst: 3 },
      windowBytes: 65_536,
    });
    expect(readFlow({}, {}, config).windowBytes).toBe(131_072);
  });

  it('takes the window in KiB', () => {
    expect(readFlow({ window: '256' }, {})).toEqual({ windowBytes: 262_144 });
    expect(readFlow({}, { DEVACCESS_WINDOW: '64' })).toEqual({ windowBytes: 65_536 });
  });

  it.each(['', '0', '-1', 'fast', '900/', '900/0', '9e3', '99999999', ' 900'])(
    'refuses a pace of "%s"',
    (pace) => {
      expect(() => readFlow({ pace }, {})).toThrow(expect.objectContaining({ code: 'DA_USAGE' }));
    },
  );

  it.each(['', '63', '65537', '1M', '1.5'])('refuses a window of "%s"', (window) => {
    expect(() => readFlow({ window }, {})).toThrow(expect.objectContaining({ code: 'DA_USAGE' }));
  });
});
