import { describe, expect, it } from 'vitest';
import {
  chooseDevice,
  chooseDuration,
  chooseRole,
  chooseSessionName,
  sectionNames,
} from '../../../src/credentials/mfa-choices.ts';

const ROLE = 'arn:aws:iam::123456789012:role/r';
const usage = expect.objectContaining({ code: 'DA_USAGE', exitCode: 2 }) as Error;

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
    expect(chooseDuration(900, env, undefined)).toBe(900);
    expect(chooseDuration(0, env, undefined)).toBe(1000);
    expect(chooseDuration(undefined, {}, undefined)).toBe(43_200);
    for (const bad of ['899', '129601', 'abc', '1e4', '-900']) {
      expect(() => chooseDuration(undefined, { MFA_STS_DURATION: bad }, undefined)).toThrow(usage);
    }
  });

  it('takes other limits for a role', () => {
    expect(chooseDuration(undefined, {}, ROLE)).toBe(3600);
    expect(chooseDuration(43_200, {}, ROLE)).toBe(43_200);
    expect(() => chooseDuration(43_201, {}, ROLE)).toThrow(usage);
  });

  it('takes the role from flag, environment, file; an empty one counts as none', () => {
    const env = { MFA_ASSUME_ROLE: `${ROLE}-env` };
    const file = new Map([['assume_role', `${ROLE}-file # ours`]]);
    expect(chooseRole(ROLE, env, file)).toBe(ROLE);
    expect(chooseRole('', env, file)).toBe(env.MFA_ASSUME_ROLE);
    expect(chooseRole(undefined, { MFA_ASSUME_ROLE: '' }, file)).toBe(`${ROLE}-file`);
    expect(chooseRole(undefined, {}, new Map())).toBeUndefined();
    for (const bad of ['admin', 'arn:aws:iam::123456789012:user/alice', `${ROLE} x`]) {
      expect(() => chooseRole(bad, {}, new Map())).toThrow(usage);
    }
    const govCloud = 'arn:aws-us-gov:iam::123456789012:role/a/b/c';
    expect(chooseRole(govCloud, {}, new Map())).toBe(govCloud);
  });

  it.each([
    ['alice', 'alice'],
    ['CORP\\alice smith', 'CORP-alice-smith'],
    ['a', 'a-'],
    ['x'.repeat(70), 'x'.repeat(64)],
  ])('makes the login name %j fit STS: %j', (loginName, fitting) => {
    expect(chooseSessionName(undefined, { LOGNAME: loginName })).toBe(fitting);
  });

  it('takes a session name as it is given, or refuses it', () => {
    expect(chooseSessionName('me@laptop', {})).toBe('me@laptop');
    for (const bad of ['a', 'a b', 'x'.repeat(65)]) {
      expect(() => chooseSessionName(bad, {})).toThrow(usage);
    }
  });
});
