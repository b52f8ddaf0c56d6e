import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

const REGION = /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/;

/**
 * Refuses what is no region name, before it becomes a part of a host name or of an SSH config.
 *
 * @throws DevaccessError DA_USAGE
 */
function checkRegion(region: string): string {
  if (REGION.test(region)) return region;
  throw new DevaccessError('DA_USAGE', `'${region}' is not an AWS region`, {
    next: 'give one such as eu-central-1',
    exitCode: EXIT.usage,
  });
}

export interface RegionSources {
  flag: string | undefined;
  env: Environment;
  /** `region` of the profile. */
  profileRegion: string | undefined;
}

/**
 * The region to ask about servers, in the order of all AWS tools: flag, AWS_REGION,
 * AWS_DEFAULT_REGION, the profile's `region`.
 *
 * @throws DevaccessError DA_USAGE for a malformed one, DA_NO_REGION when nothing names one
 */
export function chooseRegion({ flag, env, profileRegion }: RegionSources): string {
  const region = flag ?? envRegion(env) ?? profileRegion;
  if (region !== undefined) return checkRegion(region);
  throw new DevaccessError('DA_NO_REGION', 'No AWS region is configured', {
    next: "give --region, or set AWS_REGION or the profile's region",
    exitCode: EXIT.usage,
  });
}

/**
 * The region of the STS endpoint (1.11 of the credentials facts): flag, profile, environment,
 * else one of the partition the ARN belongs to. Any region of a partition gives the same session.
 *
 * @throws DevaccessError DA_USAGE for a malformed one
 */
export function chooseStsRegion(
  { flag, env, profileRegion }: RegionSources,
  arn: string | undefined,
): string {
  return checkRegion(flag ?? profileRegion ?? envRegion(env) ?? partitionRegion(arn));
}

function envRegion(env: Environment): string | undefined {
  return envValue(env, 'AWS_REGION') ?? envValue(env, 'AWS_DEFAULT_REGION');
}

function partitionRegion(arn: string | undefined): string {
  switch (arn?.split(':')[1]) {
    case 'aws-us-gov':
      return 'us-gov-west-1';
    case 'aws-cn':
      return 'cn-north-1';
    default:
      return 'us-east-1';
  }
}
