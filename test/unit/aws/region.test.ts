import { describe, expect, it } from 'vitest';
import { chooseStsRegion } from '../../../src/aws/region.ts';

const device = (partition: string): string => `arn:${partition}:iam::123456789012:mfa/alice`;
const none = { flag: undefined, env: {}, profileRegion: undefined };

describe('the region of STS', () => {
  it('is the one of flag, profile, AWS_REGION, AWS_DEFAULT_REGION', () => {
    const env = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' };
    const all = { flag: 'us-west-2', env, profileRegion: 'us-west-1' };
    expect(chooseStsRegion(all, device('aws'))).toBe('us-west-2');
    expect(chooseStsRegion({ ...all, flag: undefined }, device('aws'))).toBe('us-west-1');
    expect(chooseStsRegion({ ...none, env }, device('aws'))).toBe('eu-west-1');
    const { AWS_DEFAULT_REGION } = env;
    expect(chooseStsRegion({ ...none, env: { AWS_DEFAULT_REGION } }, undefined)).toBe('eu-west-2');
  });

  it.each([
    ['aws', 'us-east-1'],
    ['aws-us-gov', 'us-gov-west-1'],
    ['aws-cn', 'cn-north-1'],
    ['aws-iso', 'us-iso-east-1'],
    ['aws-iso-b', 'us-isob-east-1'],
    ['aws-eusc', 'eusc-de-east-1'],
  ])('is one of the partition %s where nothing names one', (partition, region) => {
    expect(chooseStsRegion(none, device(partition))).toBe(region);
  });

  it('is not one of another partition, unless that is asked for', () => {
    const env = { AWS_REGION: 'us-east-1' };
    expect(chooseStsRegion({ ...none, env }, device('aws-us-gov'))).toBe('us-gov-west-1');
    const profileRegion = 'us-gov-east-1';
    expect(chooseStsRegion({ ...none, env, profileRegion }, device('aws-us-gov'))).toBe(
      'us-gov-east-1',
    );
    expect(chooseStsRegion({ ...none, env: { AWS_REGION: 'cn-north-1' } }, device('aws'))).toBe(
      'us-east-1',
    );
    expect(chooseStsRegion({ ...none, flag: 'us-east-2' }, device('aws-cn'))).toBe('us-east-2');
  });

  it('takes what is named for a hardware device, whose serial number tells no partition', () => {
    expect(chooseStsRegion({ ...none, env: { AWS_REGION: 'cn-north-1' } }, undefined)).toBe(
      'cn-north-1',
    );
    expect(chooseStsRegion(none, undefined)).toBe('us-east-1');
  });
});
