import { DevaccessError, EXIT } from '../platform/errors.ts';
import { envValue } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';

const REGION = /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/;

/**
 * Refuses what is no region name, before it becomes a part of a host name or of an SSH config.
 *
 * @throws DevaccessError DA_USAGE
 */
export function checkRegion(region: string): string {
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
 * else one of the partition the ARN belongs to. Any region of a partition gives the same session;
 * one of another partition cannot know the key, so only the flag can name it.
 *
 * @throws DevaccessError DA_USAGE for a malformed one
 */
export function chooseStsRegion(
  { flag, env, profileRegion }: RegionSources,
  arn: string | undefined,
): string {
  if (flag !== undefined && flag !== '') return checkRegion(flag);
  const partition = PARTITIONS.find(({ name }) => name === arn?.split(':')[1]);
  const named = [profileRegion, envRegion(env)].filter((region) => region !== undefined);
  const fitting = named.find(
    (region) => partition === undefined || partitionOf(region) === partition,
  );
  return checkRegion(fitting ?? (partition ?? COMMERCIAL).region);
}

function envRegion(env: Environment): string | undefined {
  return envValue(env, 'AWS_REGION') ?? envValue(env, 'AWS_DEFAULT_REGION');
}

/** The partitions of botocore's endpoints.json, each with a region that it always has. */
const COMMERCIAL = { name: 'aws', prefix: '', region: 'us-east-1' } as const;
const PARTITIONS = [
  { name: 'aws-cn', prefix: 'cn-', region: 'cn-north-1' },
  { name: 'aws-us-gov', prefix: 'us-gov-', region: 'us-gov-west-1' },
  { name: 'aws-iso', prefix: 'us-iso-', region: 'us-iso-east-1' },
  { name: 'aws-iso-b', prefix: 'us-isob-', region: 'us-isob-east-1' },
  { name: 'aws-iso-e', prefix: 'eu-isoe-', region: 'eu-isoe-west-1' },
  { name: 'aws-iso-f', prefix: 'us-isof-', region: 'us-isof-south-1' },
  { name: 'aws-eusc', prefix: 'eusc-', region: 'eusc-de-east-1' },
  COMMERCIAL,
] as const;

/** The partition of a region, as ARNs name it. */
export function partitionName(region: string): string {
  return partitionOf(region).name;
}

/** The commercial partition has every region that no other claims. */
function partitionOf(region: string): (typeof PARTITIONS)[number] {
  return PARTITIONS.find(({ prefix }) => region.startsWith(prefix)) ?? COMMERCIAL;
}
