import { describe, expect, it } from 'vitest';
import { privateDnsName, seedAccount } from '../../../src/sandbox/seed.ts';

const nowMs = Date.UTC(2026, 0, 1);

describe('the seeded account', () => {
  it('has ids and keys of the forms AWS gives', () => {
    const { users, instances, nodes, kmsKeys, roles } = seedAccount({ nowMs });
    const user = users[0]!;
    expect(user.userId).toMatch(/^AIDA[A-Z2-7]{16}$/);
    expect(user.accessKeys[0]!.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(user.accessKeys[0]!.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(user.mfaDevices[0]!.base32Seed).toMatch(/^[A-Z2-7]{64}$/);
    expect(user.mfaDevices[0]!.serialNumber).toBe('arn:aws:iam::123456789012:mfa/alice');
    for (const { instanceId } of instances) expect(instanceId).toMatch(/^i-[0-9a-f]{17}$/);
    expect(nodes.map(({ instanceId }) => instanceId.replace(/[0-9a-f]{17}$/, ''))).toEqual([
      'i-',
      'mi-',
    ]);
    expect(kmsKeys[0]!.arn).toMatch(/^arn:aws:kms:us-east-1:123456789012:key\/[0-9a-f-]{36}$/);
    expect(roles.map(({ maxSessionDurationS }) => maxSessionDurationS)).toEqual([
      43_200, 3600, 7200, 43_200, 3600, 3600,
    ]);
  });

  it('has secrets of its own each time', () => {
    const secrets = (): string[] => {
      const { users, instances } = seedAccount({ nowMs });
      const { accessKeys, mfaDevices, userId } = users[0]!;
      const { accessKeyId, secretAccessKey } = accessKeys[0]!;
      const ids = instances.map(({ instanceId }) => instanceId);
      return [userId, accessKeyId, secretAccessKey, mfaDevices[0]!.base32Seed, ...ids];
    };
    const first = secrets();
    expect(secrets().filter((secret) => first.includes(secret))).toEqual([]);
  });

  it('puts the private hosts into the VPC of the bastion and out of Systems Manager', () => {
    const { instances, nodes } = seedAccount({ nowMs });
    const named = (name: string) => instances.filter(({ tags }) => tags.Name === name);
    const bastion = named('bastion')[0]!;
    expect(nodes[0]).toMatchObject({ instanceId: bastion.instanceId, pingStatus: 'Online' });
    for (const name of ['someserver', 'app-1', 'db-1']) {
      const host = named(name)[0]!;
      expect(host).toMatchObject({ vpcId: bastion.vpcId, state: 'running' });
      expect(host.privateIpAddress).toMatch(/^10\.0\.1\./);
      expect(host.publicIpAddress).toBeUndefined();
      expect(nodes.some(({ instanceId }) => instanceId === host.instanceId)).toBe(false);
    }
    expect(named('worker')).toHaveLength(2);
    expect(named('old-build')[0]!.state).toBe('stopped');
    expect(named('win-1')[0]!.platform).toBe('windows');
    expect(named('elsewhere')[0]!.vpcId).not.toBe(bastion.vpcId);
  });

  it('lives in the region asked for', () => {
    const { instances, nodes, kmsKeys } = seedAccount({ nowMs, region: 'eu-west-1' });
    expect(new Set([...instances, ...nodes, ...kmsKeys].map(({ region }) => region))).toEqual(
      new Set(['eu-west-1']),
    );
    expect(instances[0]!.availabilityZone).toBe('eu-west-1a');
    expect(privateDnsName(instances[0]!)).toBe('ip-10-0-0-10.eu-west-1.compute.internal');
  });
});
