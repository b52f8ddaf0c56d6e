import { describe, expect, it } from 'vitest';
import { decide, sessionChanges } from '../../../src/credentials/mfa-session.ts';

const NOW = Date.UTC(2026, 0, 1);
const source = {
  accessKeyId: 'AKIAEXAMPLEEXAMPLE00',
  device: 'arn:aws:iam::123456789012:mfa/a',
  role: undefined,
};
const ROLE = 'arn:aws:iam::123456789012:role/r';
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
    [ROLE, { assumed_role_arn: ROLE }],
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

  it('keeps the session of a role for that role alone', () => {
    const ofRole = { ...source, role: ROLE };
    const section = stored({ ...sessionChanges(session, ofRole) });
    expect(section.get('assumed_role')).toBe('True');
    expect(decide(section, ofRole, options).action).toBe('keep');
    const other = { ...source, role: `${ROLE}2` };
    expect(decide(section, other, options)).toMatchObject({ action: 'refresh' });
    expect(decide(section, source, options)).toMatchObject({ action: 'refresh' });
    expect(decide(stored(), ofRole, options)).toMatchObject({
      action: 'refresh',
      reason: 'the stored session is one of the user, not of the role',
    });
  });
});
