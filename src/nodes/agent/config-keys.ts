/** The keys of amazon-ssm-agent.json and what the agent does with them (its sources, 3.3). */

export type KeyType = 'boolean' | 'integer' | 'text' | 'texts';

export interface ConfigKey {
  section: string;
  key: string;
  type: KeyType;
  /** What the agent uses where the key is absent, `null`, or outside of its bounds. */
  fallback: boolean | number | string | readonly string[];
  /** Of an integer. Outside of them the agent takes `fallback`, and says nothing. */
  min?: number;
  max?: number;
  oneOf?: readonly string[];
  means: string;
}

/** Rotating a node's identity more often has more chances to fail than reasons. */
export const RISKY_ROTATION_DAYS = 30;

const PROFILE: readonly ConfigKey[] = [
  {
    section: 'Profile',
    key: 'ShareCreds',
    type: 'boolean',
    fallback: true,
    means:
      "true: the agent writes its role's credentials to the shared credentials file of root, where " +
      'its own workers read them, too. false: every worker asks for its own, and nothing is written. ' +
      'The agent has credentials either way',
  },
  {
    section: 'Profile',
    key: 'ShareProfile',
    type: 'text',
    fallback: '',
    means: 'the section of the shared credentials file that it writes; empty is [default]',
  },
  {
    section: 'Profile',
    key: 'ForceUpdateCreds',
    type: 'boolean',
    fallback: false,
    means:
      'nothing: no part of the agent reads it. A credentials file that it cannot parse is replaced ' +
      'by one with its own section alone, whatever this says',
  },
  {
    section: 'Profile',
    key: 'KeyAutoRotateDays',
    type: 'integer',
    fallback: 0,
    min: 0,
    max: 365,
    means:
      "after how many days it makes a new private key for the node's registration; 0: only when the " +
      'service asks for one. It has nothing to do with credentials, which are renewed at half of ' +
      'their life, every 30 minutes',
  },
];

const IDENTITY: readonly ConfigKey[] = [
  {
    section: 'Identity',
    key: 'ConsumptionOrder',
    type: 'texts',
    fallback: ['OnPrem', 'EC2', 'CustomIdentity'],
    oneOf: ['OnPrem', 'EC2', 'ECS', 'CustomIdentity'],
    means: 'which identity it takes, the first that it finds; unknown words are left out',
  },
  {
    section: 'Identity',
    key: 'Ec2SystemInfoDetectionResponse',
    type: 'text',
    fallback: '',
    oneOf: ['', 'true', 'false'],
    means: 'whether the machine is taken for an EC2 instance without a look at its hardware',
  },
];

const REST: readonly ConfigKey[] = [
  number('Mds', 'CommandWorkersLimit', 5, 1, undefined, 'commands that run at the same time'),
  number('Mds', 'CommandWorkerBufferLimit', 5, 1, undefined, 'commands that wait for a worker'),
  number(
    'Mds',
    'StopTimeoutMillis',
    20_000,
    10_000,
    1_000_000,
    'how long commands may take to end when it stops',
  ),
  number('Mds', 'CommandRetryLimit', 15, 1, 100, 'how often a command is tried after a restart'),
  text('Mds', 'Endpoint', 'the endpoint of ec2messages'),
  text('Ssm', 'Endpoint', 'the endpoint of ssm; who answers there commands the agent'),
  number('Ssm', 'HealthFrequencyMinutes', 5, 5, 60, 'how often it reports'),
  number('Ssm', 'AssociationFrequencyMinutes', 10, 5, 60, 'how often it looks for associations'),
  text('Ssm', 'CustomInventoryDefaultLocation', 'folder of custom inventory'),
  number(
    'Ssm',
    'AssociationLogsRetentionDurationHours',
    24,
    8,
    undefined,
    'how long results of associations stay on the node',
  ),
  number(
    'Ssm',
    'RunCommandLogsRetentionDurationHours',
    336,
    8,
    undefined,
    'how long scripts, parameters and output of commands stay on the node',
  ),
  number(
    'Ssm',
    'SessionLogsRetentionDurationHours',
    336,
    undefined,
    undefined,
    'how long logs of sessions stay on the node',
  ),
  choice(
    'Ssm',
    'SessionLogsDestination',
    'none',
    ['none', 'disk'],
    'whether sessions are logged on the node',
  ),
  choice(
    'Ssm',
    'PluginLocalOutputCleanup',
    'default',
    ['default', 'after-execution', 'after-upload'],
    'when output of commands is removed from the node',
  ),
  choice(
    'Ssm',
    'OrchestrationDirectoryCleanup',
    'default',
    ['default', 'clean-success-failed', 'clean-success'],
    'when all that a command leaves is removed from the node',
  ),
  text('Mgs', 'Region', 'the region of ssmmessages'),
  text('Mgs', 'Endpoint', 'the endpoint of ssmmessages; who answers there commands the agent'),
  number(
    'Mgs',
    'StopTimeoutMillis',
    20_000,
    undefined,
    undefined,
    'how long sessions may take to end when it stops',
  ),
  number('Mgs', 'SessionWorkersLimit', 1000, undefined, undefined, 'sessions at the same time'),
  {
    section: 'Mgs',
    key: 'DeniedPortForwardingRemoteIPs',
    type: 'texts',
    fallback: [
      '169.254.169.254',
      'fd00:ec2::254',
      '169.254.169.253',
      'fd00:ec2::253',
      '169.254.169.123',
      'fd00:ec2::123',
      '169.254.169.250',
      '169.254.169.251',
      'fd00:ec2::240',
    ],
    means: 'addresses that no port is forwarded to; the list takes the place of the default one',
  },
  text('Agent', 'Region', 'the region, where the identity tells none'),
  text('Agent', 'ServiceDomain', 'the DNS suffix of the endpoints'),
  text('Agent', 'OrchestrationRootDir', 'folder of what commands leave; orchestration'),
  flag('Agent', 'SelfUpdate', false, 'whether it updates itself'),
  number('Agent', 'SelfUpdateScheduleDay', 7, 1, 7, 'every how many days it looks for an update'),
  flag('Agent', 'TelemetryMetricsToCloudWatch', false, 'whether metrics go to CloudWatch'),
  flag('Agent', 'TelemetryMetricsToSSM', true, 'whether metrics go to AWS'),
  number('Agent', 'AuditExpirationDay', 7, 3, 30, 'how many days of audit files it keeps'),
  number(
    'Agent',
    'LongRunningWorkerMonitorIntervalSeconds',
    60,
    30,
    1800,
    'how often it looks after its workers',
  ),
  flag('Agent', 'ContainerMode', false, 'that it runs in a container'),
  flag(
    'Agent',
    'ShouldPurgeInstanceProfileRoleCreds',
    false,
    'EC2: whether former shared credentials are removed',
  ),
  flag('Agent', 'ForceFileIPC', false, 'whether its processes talk by files'),
  text('Os', 'Lang', 'the language it reports'),
  text('S3', 'Endpoint', 'the endpoint of S3'),
  text('S3', 'Region', 'the region of S3'),
  text('S3', 'LogBucket', 'the bucket of logs'),
  text('S3', 'LogKey', 'the prefix of logs'),
  text('Kms', 'Endpoint', 'the endpoint of KMS'),
  flag(
    'Kms',
    'RequireKMSChallengeResponse',
    false,
    'whether clients of encrypted sessions must prove that they are not replayed',
  ),
];

/** In the order they are told of; those of `Profile` first. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...PROFILE, ...IDENTITY, ...REST];

function number(
  section: string,
  key: string,
  fallback: number,
  min: number | undefined,
  max: number | undefined,
  means: string,
): ConfigKey {
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return { section, key, type: 'integer', fallback, ...bounds, means };
}

function text(section: string, key: string, means: string): ConfigKey {
  return { section, key, type: 'text', fallback: '', means };
}

function flag(section: string, key: string, fallback: boolean, means: string): ConfigKey {
  return { section, key, type: 'boolean', fallback, means };
}

function choice(
  section: string,
  key: string,
  fallback: string,
  oneOf: readonly string[],
  means: string,
): ConfigKey {
  return { section, key, type: 'text', fallback, oneOf, means };
}
