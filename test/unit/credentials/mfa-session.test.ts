import { describe, expect, it } from 'vitest';
import {
  chooseDevice,
  chooseDuration,
  decide,
  formatExpiration,
  parseExpiration,
  sectionNames,
  sessionChanges,
} from '../../../src/credentials/mfa-session.ts';

const NOW = Date.UTC(2026, 0, 1);
const source = { accessKeyId: 'AKIAEXAMPLEEXAMPLE00', device: 'arn:aws:iam::123456789012:mfa/a' };
const session = {
  accessKeyId: 'ASIAEXAMPLEEXAMPLE99',
  secretAccessKey: 's',
  sessionToken: 't',
  expirationMs: NOW + 3_600_000,
};
const stored = (changes: Record<string, string | null> = {}): ReadonlyMap<string, string> => {
  const all = { ...sessionChanges(session, source), ...changes };
  return new Map(
    Object.entries(all).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
};
const usage = expect.objectContaining({ code: 'DA_USAGE', exitCode: 2 }) as Error;

describe('keep or refresh', () => {
  const options = { force: false, nowMs: NOW, marginSeconds: 300 };

  it('keeps a session that lasts', () => {
    expect(decide(stored(), source, options)).toEqual({
      action: 'keep',
      expirationMs: NOW + 3_600_000,
    });
    const byAwsMfa = stored({ devaccess_source: null });
    expect(decide(byAwsMfa, source, options).action).toBe('keep');
  });

  it.each<[string, Record<string, string | null>]>([
    ...[
      'assumed_role',
      'aws_access_key_id',
      'aws_secret_access_key',
      'aws_session_token',
      'aws_security_token',
      'expiration',
    ].map((key): [string, Record<string, null>] => [`no ${key}`, { [key]: null }]),
    ['one of a role', { assumed_role_arn: 'arn:aws:iam::123456789012:role/r' }],
    ['two different tokens', { aws_security_token: 'other' }],
    ['cannot be read', { expiration: 'tomorrow' }],
    ['has expired', { expiration: '2026-01-01 00:00:00' }],
    ['within minutes', { expiration: '2026-01-01 00:04:59' }],
  ])('refreshes: %s', (reason, changes) => {
    const decision = decide(stored(changes), source, options);
    expect(decision).toMatchObject({
      action: 'refresh',
      reason: expect.stringContaining(reason) as string,
    });
  });

  it('refreshes when there is none, when forced, and for another key or device', () => {
    expect(decide(undefined, source, options).action).toBe('refresh');
    expect(decide(stored(), source, { ...options, force: true }).action).toBe('refresh');
    const otherDevice = { ...source, device: 'arn:aws:iam::123456789012:mfa/b' };
    expect(decide(stored(), otherDevice, options).action).toBe('refresh');
    const otherKey = { ...source, accessKeyId: 'AKIAEXAMPLEEXAMPLE01' };
    expect(decide(stored(), otherKey, options).action).toBe('refresh');
  });

  it('does not trust a marker of a session that another tool has replaced', () => {
    const replaced = stored({ aws_access_key_id: 'ASIAEXAMPLEEXAMPLE77' });
    const otherKey = { ...source, accessKeyId: 'AKIAEXAMPLEEXAMPLE01' };
    expect(decide(replaced, otherKey, options).action).toBe('keep');
  });

  it('keeps to the last second with no margin, as aws-mfa does', () => {
    const exact = { ...options, marginSeconds: 0 };
    const last = stored({ expiration: '2026-01-01 00:00:01' });
    expect(decide(last, source, exact).action).toBe('keep');
    expect(decide(last, source, { ...exact, nowMs: NOW + 1000 }).action).toBe('refresh');
  });
});

describe('expiration', () => {
  it.each([
    ['2026-01-01 00:00:00', NOW],
    ['2026-01-01T00:00:00', NOW],
    ['2026-01-01T00:00:00Z', NOW],
    ['2026-01-01 00:00:00+00:00', NOW],
    ['2026-01-01T01:00:00+01:00', NOW],
    ['2026-01-01T00:00:00.5Z', NOW + 500],
    ['2026-01-01T00:00:00.123456789Z', NOW + 123],
    ['2026-13-01 00:00:00', undefined],
    ['2026-01-01', undefined],
    ['', undefined],
  ])('reads %j', (text, timeMs) => {
    expect(parseExpiration(text)).toBe(timeMs);
  });

  it('is written as aws-mfa writes it', () => {
    expect(formatExpiration(NOW + 999)).toBe('2026-01-01 00:00:00');
  });
});

describe('choices', () => {
  it.each([
    [undefined, undefined, 'p-long-term', 'p'],
    ['', '', 'p-long-term', 'p'],
    ['NONE', 'dev', 'p', 'p-dev'],
    ['x', 'None', 'p-x', 'p'],
  ])('suffixes %j and %j give [%s] and [%s]', (long, short, longTerm, shortTerm) => {
    expect(sectionNames('p', long, short)).toEqual({ longTerm, shortTerm });
  });

  it('refuses equal sections', () => {
    expect(() => sectionNames('p', 'none', undefined)).toThrow(usage);
    expect(() => sectionNames('p', 'x', 'x')).toThrow(usage);
  });

  const settings = new Map([
    ['aws_mfa_device', 'arn:aws:iam::123456789012:mfa/file # my phone'],
    ['mfa_serial', 'GAHT12345678'],
  ]);
  it('takes the device from flag, environment, aws_mfa_device, mfa_serial', () => {
    const env = { MFA_DEVICE: 'arn:aws:iam::123456789012:mfa/env' };
    expect(chooseDevice('GAHT00000000', env, settings, 's')).toBe('GAHT00000000');
    expect(chooseDevice(undefined, env, settings, 's')).toBe(env.MFA_DEVICE);
    expect(chooseDevice(undefined, { MFA_DEVICE: '' }, settings, 's')).toMatch(/mfa\/file$/);
    const standard = new Map([['mfa_serial', 'GAHT12345678']]);
    expect(chooseDevice(undefined, {}, standard, 's')).toBe('GAHT12345678');
    expect(() => chooseDevice(undefined, {}, new Map(), 's')).toThrow(
      expect.objectContaining({ code: 'DA_NO_MFA_DEVICE' }) as Error,
    );
    expect(() => chooseDevice('short', {}, settings, 's')).toThrow(usage);
    const passkey = 'arn:aws:iam::123456789012:u2f/user/alice/key-ABC';
    expect(() => chooseDevice(passkey, {}, settings, 's')).toThrow(/passkey/);
  });

  it('takes the duration from flag, environment, twelve hours', () => {
    const env = { MFA_STS_DURATION: '1000' };
    expect(chooseDuration(900, env)).toBe(900);
    expect(chooseDuration(0, env)).toBe(1000);
    expect(chooseDuration(undefined, {})).toBe(43_200);
    for (const bad of ['899', '129601', 'abc', '1e4', '-900']) {
      expect(() => chooseDuration(undefined, { MFA_STS_DURATION: bad })).toThrow(usage);
    }
  });
});
