import type { Ec2Instance } from '../account.ts';
import type { QueryInput } from '../http/query-input.ts';
import { privateDnsName } from '../seed.ts';
import { ServiceError } from '../service-error.ts';
import { matchesPattern, wildcardPattern } from '../wildcard.ts';

const FILTER_LIMIT = 50;
const VALUE_LIMIT = 200;

export interface InstanceFilter {
  readonly name: string;
  readonly values: readonly string[];
}

type Facts = (instance: Ec2Instance) => readonly (string | undefined)[];

/** The instance facts one can filter by. */
const FACTS: Readonly<Record<string, Facts>> = {
  architecture: () => ['x86_64'],
  'availability-zone': ({ availabilityZone }) => [availabilityZone],
  'iam-instance-profile.arn': ({ instanceProfile }) => [instanceProfile?.arn],
  'image-id': ({ imageId }) => [imageId],
  'instance-id': ({ instanceId }) => [instanceId],
  'instance-state-code': ({ state }) => [String(STATE_CODES[state])],
  'instance-state-name': ({ state }) => [state],
  'instance-type': ({ instanceType }) => [instanceType],
  'ip-address': ({ publicIpAddress }) => [publicIpAddress],
  'key-name': ({ keyName }) => [keyName],
  platform: ({ platform }) => [platform],
  'private-dns-name': (instance) => [privateDnsName(instance)],
  'private-ip-address': ({ privateIpAddress }) => [privateIpAddress],
  'reservation-id': ({ reservationId }) => [reservationId],
  'subnet-id': ({ subnetId }) => [subnetId],
  'tag-key': ({ tags }) => Object.keys(tags),
  'vpc-id': ({ vpcId }) => [vpcId],
};

export const STATE_CODES: Readonly<Record<Ec2Instance['state'], number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** Reads `Filter.N.Name` and `Filter.N.Value.M`; an unknown name is refused. */
export function readInstanceFilters(input: QueryInput): InstanceFilter[] {
  const filters = input.structures('Filter').map((filter) => ({
    name: filter.text('Name') ?? '',
    values: filter.list('Value'),
  }));
  for (const { name, values } of filters) {
    if (!name.startsWith('tag:') && !Object.hasOwn(FACTS, name)) {
      throw new ServiceError('InvalidParameterValue', `The filter '${name}' is invalid`);
    }
    if (values.length === 0) {
      throw new ServiceError('InvalidParameterValue', `The filter '${name}' has no values`);
    }
    if (values.length > VALUE_LIMIT) {
      throw new ServiceError(
        'FilterLimitExceeded',
        `The maximum number of filter values specified on a single call is ${VALUE_LIMIT}`,
      );
    }
  }
  if (filters.length > FILTER_LIMIT) {
    throw new ServiceError(
      'FilterLimitExceeded',
      `The maximum number of filters specified on a single call is ${FILTER_LIMIT}`,
    );
  }
  return filters;
}

/** True when every filter has a value that fits: `*` any run of characters, `?` any one. */
export function matchesFilters(instance: Ec2Instance, filters: readonly InstanceFilter[]): boolean {
  return filters.every(({ name, values }) => {
    const facts = instanceFacts(instance, name);
    return values.some((value) => {
      const pattern = wildcardPattern(value);
      return facts.some((fact) => matchesPattern(pattern, fact));
    });
  });
}

function instanceFacts(instance: Ec2Instance, name: string): string[] {
  const facts = name.startsWith('tag:')
    ? [tagValue(instance.tags, name.slice('tag:'.length))]
    : FACTS[name]?.(instance);
  return (facts ?? []).filter((fact) => fact !== undefined);
}

/** A tag's value; `constructor` and the like are tags only where someone set them. */
export function tagValue(tags: Ec2Instance['tags'], key: string): string | undefined {
  return Object.hasOwn(tags, key) ? tags[key] : undefined;
}
