import { describe, expect, it } from 'vitest';
import { totpCode } from '../../../../../src/sandbox/totp.ts';
import { iamRig } from './iam-rig.ts';

const STEP_MS = 30_000;

function withDevice() {
  const rig = iamRig();
  const created = rig.call('CreateVirtualMFADevice', { VirtualMFADeviceName: 'phone' });
  const SerialNumber = created.element('SerialNumber')!;
  const seed = Buffer.from(created.element('Base32StringSeed')!, 'base64').toString();
  /** The codes of two steps in a row, the later `offset` steps from now. */
  const codes = (offset: number) => ({
    AuthenticationCode1: totpCode({ base32Seed: seed }, rig.clock.nowMs + (offset - 1) * STEP_MS),
    AuthenticationCode2: totpCode({ base32Seed: seed }, rig.clock.nowMs + offset * STEP_MS),
  });
  const device = { UserName: 'alice', SerialNumber };
  return { ...rig, created, SerialNumber, seed, codes, device };
}

describe('virtual MFA devices of the sandbox', () => {
  it('come with a seed and its picture, once', () => {
    const { call, created, seed, SerialNumber } = withDevice();
    expect(SerialNumber).toBe('arn:aws:iam::123456789012:mfa/phone');
    expect(seed).toMatch(/^[A-Z2-7]{64}$/);
    const png = Buffer.from(created.element('QRCodePNG')!, 'base64');
    expect(png.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n');
    const listed = call('ListVirtualMFADevices', { AssignmentStatus: 'Unassigned' });
    expect(listed.elements('SerialNumber')).toEqual([SerialNumber]);
    expect(listed.body).not.toContain('Seed');
    const again = call('CreateVirtualMFADevice', { VirtualMFADeviceName: 'phone' });
    expect([again.status, again.code]).toEqual([409, 'EntityAlreadyExists']);
  });

  it('are enabled by two codes in a row, and by nothing else', () => {
    const { alice, call, codes, device } = withDevice();
    const right = codes(0);
    for (const wrong of [
      {
        AuthenticationCode1: right.AuthenticationCode2,
        AuthenticationCode2: right.AuthenticationCode1,
      },
      {
        AuthenticationCode1: right.AuthenticationCode2,
        AuthenticationCode2: right.AuthenticationCode2,
      },
      {
        AuthenticationCode1: codes(-1).AuthenticationCode1,
        AuthenticationCode2: right.AuthenticationCode2,
      },
      codes(-11),
      codes(11),
    ]) {
      const refused = call('EnableMFADevice', { ...device, ...wrong });
      expect([refused.status, refused.code]).toEqual([403, 'InvalidAuthenticationCode']);
    }
    expect(call('EnableMFADevice', { ...device, ...right, UserName: 'bob' }).code).toBe(
      'NoSuchEntity',
    );
    expect(call('EnableMFADevice', { ...device, ...right }).code).toBe('ok');
    expect(alice.mfaDevices.map(({ serialNumber }) => serialNumber)).toContain(device.SerialNumber);
    expect(call('EnableMFADevice', { ...device, ...right }).code).toBe('EntityAlreadyExists');
    const assigned = call('ListVirtualMFADevices', { AssignmentStatus: 'Assigned' });
    expect(assigned.elements('UserName')).toEqual(['alice', 'alice']);
  });

  it('are deleted only when they are nobody’s', () => {
    const { account, call, codes, device, SerialNumber } = withDevice();
    call('EnableMFADevice', { ...device, ...codes(0) });
    const refused = call('DeleteVirtualMFADevice', { SerialNumber });
    expect([refused.code, refused.message]).toEqual([
      'DeleteConflict',
      'MFA VirtualDevice in use. Must deactivate first.',
    ]);
    expect(call('DeactivateMFADevice', device).code).toBe('ok');
    expect(call('DeactivateMFADevice', device).code).toBe('NoSuchEntity');
    expect(call('DeleteVirtualMFADevice', { SerialNumber }).code).toBe('ok');
    expect(call('DeleteVirtualMFADevice', { SerialNumber }).code).toBe('NoSuchEntity');
    expect(account.unassignedDevices).toEqual([]);
  });

  it('are eight for a user at most', () => {
    const { alice, call, codes, device } = withDevice();
    const [first] = alice.mfaDevices;
    alice.mfaDevices = Array.from({ length: 8 }, (_, at) => ({
      ...first!,
      serialNumber: `${first!.serialNumber}${at}`,
    }));
    const refused = call('EnableMFADevice', { ...device, ...codes(0) });
    expect([refused.code, refused.message]).toEqual([
      'LimitExceeded',
      'Cannot exceed quota for MFADevicesPerUser: 8',
    ]);
  });

  it('can be brought back in step when their clock is hours off', () => {
    const { call, codes, device } = withDevice();
    call('EnableMFADevice', { ...device, ...codes(0) });
    const hours = -3 * 120;
    expect(call('ResyncMFADevice', { ...device, ...codes(hours) }).code).toBe('ok');
    expect(call('ResyncMFADevice', { ...device, ...codes(hours * 10) }).code).toBe(
      'InvalidAuthenticationCode',
    );
  });

  it.each<[string, Record<string, string>, string]>([
    ['CreateVirtualMFADevice', { VirtualMFADeviceName: 'a phone' }, 'ValidationError'],
    [
      'EnableMFADevice',
      { UserName: 'alice', SerialNumber: 'arn:aws:iam::1:mfa/x' },
      'ValidationError',
    ],
    [
      'EnableMFADevice',
      {
        UserName: 'alice',
        SerialNumber: 'arn:aws:iam::123456789012:mfa/none',
        AuthenticationCode1: '000000',
        AuthenticationCode2: '000001',
      },
      'NoSuchEntity',
    ],
    ['ListVirtualMFADevices', { AssignmentStatus: 'Lost' }, 'ValidationError'],
  ])('%s refuses %j with %s', (action, parameters, code) => {
    expect(iamRig().call(action, parameters).code).toBe(code);
  });
});
