import type { Ec2Instance, SandboxAccount } from '../account.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { ec2Service } from '../http/query-protocol.ts';
import type { QueryOperation } from '../http/query-protocol.ts';
import type { QueryInput } from '../http/query-input.ts';
import type { HttpService } from '../http/service.ts';
import type { XmlValue } from '../http/xml.ts';
import { PageTokens } from '../page-tokens.ts';
import { privateDnsName } from '../seed.ts';
import { ServiceError } from '../service-error.ts';
import { matchesFilters, readInstanceFilters, STATE_CODES } from './ec2-filters.ts';

const PAGE_SIZE = { min: 5, max: 1000 } as const;
/** Regions that DescribeRegions lists besides the account's own. */
const REGIONS = ['us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1'];

interface Ec2Options {
  account: SandboxAccount;
  access: AccessControl;
}

/** Amazon EC2, 2016-11-15: reading instances and regions. */
export function ec2ApiService({ account, access }: Ec2Options): HttpService {
  /** Describing knows no resources. */
  const guard =
    (action: string, operation: QueryOperation): QueryOperation =>
    (input, call) => {
      access.require(call, { action: `ec2:${action}`, resource: '*' });
      return operation(input, call);
    };
  return ec2Service({
    signingName: 'ec2',
    version: '2016-11-15',
    namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    operations: {
      DescribeInstances: guard('DescribeInstances', describeInstances(account)),
      DescribeRegions: guard('DescribeRegions', describeRegions(account)),
    },
  });
}

function describeInstances(account: SandboxAccount): QueryOperation {
  const tokens = new PageTokens();
  return (input, { caller, region }) => {
    refuseDryRun(input);
    const ids = input.list('InstanceId');
    const filters = readInstanceFilters(input);
    const pageSize = readPageSize(input);
    const nextToken = input.text('NextToken');
    if (ids.length > 0 && pageSize !== undefined) {
      throw new ServiceError(
        'InvalidParameterCombination',
        'The parameter instancesSet cannot be used with the parameter maxResults',
      );
    }
    const here = account.instances.filter((instance) => instance.region === region);
    const selected = selectInstances(here, ids).filter((instance) =>
      matchesFilters(instance, filters),
    );

    const binding = [caller.arn, region, ids, filters];
    const start = nextToken === undefined ? 0 : tokens.open(nextToken, binding);
    if (start === undefined) {
      throw new ServiceError('InvalidParameterValue', 'Unable to parse pagination token');
    }
    const end = start + (pageSize ?? PAGE_SIZE.max);
    const page = selected.slice(start, end);
    return {
      reservationSet: { item: page.map((instance) => reservation(account, instance)) },
      nextToken: end < selected.length ? tokens.issue(end, binding) : undefined,
    };
  };
}

function selectInstances(instances: readonly Ec2Instance[], ids: string[]): Ec2Instance[] {
  if (ids.length === 0) return [...instances];
  const malformed = ids.find((id) => !/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id));
  if (malformed !== undefined) {
    throw new ServiceError('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  }
  const missing = ids.filter((id) => !instances.some(({ instanceId }) => instanceId === id));
  if (missing.length > 0) {
    const message =
      missing.length === 1
        ? `The instance ID '${missing.join('')}' does not exist`
        : `The instance IDs '${missing.join(', ')}' do not exist`;
    throw new ServiceError('InvalidInstanceID.NotFound', message);
  }
  return instances.filter(({ instanceId }) => ids.includes(instanceId));
}

function readPageSize(input: QueryInput): number | undefined {
  const given = input.text('MaxResults');
  if (given === undefined) return undefined;
  const bound = Number(given) < PAGE_SIZE.min ? 'greater' : 'less';
  const limit = bound === 'greater' ? PAGE_SIZE.min : PAGE_SIZE.max;
  if (/^\d{1,9}$/.test(given) && Number(given) >= PAGE_SIZE.min && Number(given) <= PAGE_SIZE.max) {
    return Number(given);
  }
  throw new ServiceError(
    'InvalidParameterValue',
    `Value ( ${given} ) for parameter maxResults is invalid. Expecting a value ${bound} than or equal to ${limit}.`,
  );
}

function refuseDryRun(input: QueryInput): void {
  if (input.text('DryRun') !== 'true') return;
  const message = 'Request would have succeeded, but DryRun flag is set.';
  throw new ServiceError('DryRunOperation', message, 412);
}

function reservation(account: SandboxAccount, instance: Ec2Instance): XmlValue {
  return {
    reservationId: instance.reservationId,
    ownerId: account.accountId,
    groupSet: null,
    instancesSet: { item: [instanceElements(instance)] },
  };
}

function instanceElements(instance: Ec2Instance): XmlValue {
  const running = instance.state === 'running';
  const publicIp = running ? instance.publicIpAddress : undefined;
  const windows = instance.platform === 'windows';
  return {
    instanceId: instance.instanceId,
    imageId: instance.imageId,
    instanceState: { code: STATE_CODES[instance.state], name: instance.state },
    privateDnsName: privateDnsName(instance),
    dnsName: publicIp === undefined ? null : publicDnsName(instance, publicIp),
    reason: instance.state === 'stopped' ? 'User initiated' : null,
    keyName: instance.keyName,
    amiLaunchIndex: 0,
    productCodes: null,
    instanceType: instance.instanceType,
    launchTime: new Date(instance.launchTimeMs),
    placement: {
      availabilityZone: instance.availabilityZone,
      groupName: null,
      tenancy: 'default',
    },
    platform: instance.platform,
    monitoring: { state: 'disabled' },
    subnetId: instance.subnetId,
    vpcId: instance.vpcId,
    privateIpAddress: instance.privateIpAddress,
    ipAddress: publicIp,
    sourceDestCheck: true,
    groupSet: null,
    architecture: 'x86_64',
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    blockDeviceMapping: null,
    virtualizationType: 'hvm',
    tagSet: { item: Object.entries(instance.tags).map(([key, value]) => ({ key, value })) },
    hypervisor: 'xen',
    networkInterfaceSet: null,
    iamInstanceProfile: instance.instanceProfile && {
      arn: instance.instanceProfile.arn,
      id: instance.instanceProfile.id,
    },
    ebsOptimized: false,
    enaSupport: true,
    platformDetails: windows ? 'Windows' : 'Linux/UNIX',
    usageOperation: windows ? 'RunInstances:0002' : 'RunInstances',
  };
}

function publicDnsName({ region }: Ec2Instance, publicIp: string): string {
  const host = `ec2-${publicIp.replaceAll('.', '-')}`;
  return region === 'us-east-1'
    ? `${host}.compute-1.amazonaws.com`
    : `${host}.${region}.compute.amazonaws.com`;
}

function describeRegions(account: SandboxAccount): QueryOperation {
  const known = [...new Set([account.region, ...REGIONS])].sort();
  return (input) => {
    refuseDryRun(input);
    if (input.has('Filter')) {
      throw new ServiceError(
        'InvalidParameterValue',
        'Filters are not supported by this endpoint.',
      );
    }
    const names = input.list('RegionName');
    const missing = names.find((name) => !known.includes(name));
    if (missing !== undefined) {
      const message = `Invalid region provided: [${missing}]`;
      throw new ServiceError('InvalidParameterValue', message);
    }
    const item = (names.length === 0 ? known : known.filter((name) => names.includes(name))).map(
      (name) => ({
        regionName: name,
        regionEndpoint: `ec2.${name}.amazonaws.com`,
        optInStatus: 'opt-in-not-required',
      }),
    );
    return { regionInfo: { item } };
  };
}
