import {
  AddTagsToResourceCommand,
  CreateActivationCommand,
  DeleteActivationCommand,
  DeregisterManagedInstanceCommand,
  DescribeActivationsCommand,
  DescribeInstanceInformationCommand,
  GetServiceSettingCommand,
  ListTagsForResourceCommand,
  paginateDescribeActivations,
  RemoveTagsFromResourceCommand,
  ResetServiceSettingCommand,
  UpdateManagedInstanceRoleCommand,
  UpdateServiceSettingCommand,
} from '@aws-sdk/client-ssm';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { HybridAgent, newKeys } from '../support/hybrid-agent.ts';
import { failure, start } from './clients.ts';

const IamRole = 'devaccess-hybrid-nodes';
const MINUTE_MS = 60_000;
const NOWHERE = 'mi-00000000000000000';

let sandbox: Sandbox;
let ssm: SSMClient;
let offsetMs = 0;
const now = (): number => Date.now() + offsetMs;

/** Time passes for the sandbox and its client. */
function pass(ms: number): void {
  offsetMs += ms;
  ssm.config.systemClockOffset = offsetMs;
}

beforeAll(async () => {
  sandbox = await startSandbox({ now });
  const { accessKeyId, secretAccessKey } = sandbox.accessKey;
  const { SSMClient: Client } = await import('@aws-sdk/client-ssm');
  ssm = new Client({
    endpoint: sandbox.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
});
afterEach(() => pass(-offsetMs));
afterAll(async () => {
  ssm.destroy();
  await sandbox.close();
});

async function activate(input: Partial<CreateActivationCommand['input']> = {}) {
  return ssm.send(new CreateActivationCommand({ IamRole, ...input }));
}

/** A machine that has registered. */
async function node(input: Partial<CreateActivationCommand['input']> = {}): Promise<HybridAgent> {
  const agent = new HybridAgent(sandbox.endpoint, now);
  const { status } = await agent.register(await activate(input));
  expect(status).toBe(200);
  return agent;
}

async function listed(instanceId: string) {
  const Filters = [{ Key: 'InstanceIds', Values: [instanceId] }];
  const answer = await ssm.send(new DescribeInstanceInformationCommand({ Filters }));
  return answer.InstanceInformationList![0];
}

describe('activations', () => {
  it('are created with a code that is told once, listed by page and filter, and deleted', async () => {
    const Tags = [{ Key: 'Site', Value: 'Berlin' }];
    const made = await activate({ DefaultInstanceName: 'till', Description: 'The shop', Tags });
    expect(made.ActivationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.ActivationCode).toMatch(/^[A-Za-z0-9+/]{20}$/);
    await activate({ DefaultInstanceName: 'other' });
    const pages = paginateDescribeActivations({ client: ssm, pageSize: 1 }, {});
    const found = [];
    for await (const { ActivationList = [] } of pages) {
      expect(ActivationList).toHaveLength(1);
      found.push(...ActivationList);
    }
    expect(found).toHaveLength(3);
    const filter = { FilterKey: 'DefaultInstanceName' as const, FilterValues: ['till', 'none'] };
    const { ActivationList } = await ssm.send(
      new DescribeActivationsCommand({ Filters: [filter] }),
    );
    expect(ActivationList).toEqual([
      {
        ActivationId: made.ActivationId,
        CreatedDate: expect.any(Date) as Date,
        DefaultInstanceName: 'till',
        Description: 'The shop',
        Expired: false,
        ExpirationDate: expect.any(Date) as Date,
        IamRole,
        RegistrationLimit: 1,
        RegistrationsCount: 0,
        Tags,
      },
    ]);
    const { CreatedDate, ExpirationDate } = ActivationList![0]!;
    expect(ExpirationDate!.getTime() - CreatedDate!.getTime()).toBeCloseTo(86_400_000, -3);
    const { ActivationId } = made;
    await ssm.send(new DeleteActivationCommand({ ActivationId }));
    await expect(ssm.send(new DeleteActivationCommand({ ActivationId }))).rejects.toThrow(
      failure('InvalidActivation', 400),
    );
    const agent = new HybridAgent(sandbox.endpoint, now);
    expect(await agent.register(made)).toMatchObject({ body: { __type: 'InvalidActivation' } });
  });

  it.each([
    [
      'a role that does not trust Systems Manager',
      { IamRole: 'devaccess-admin' },
      'ValidationException',
    ],
    ['a limit over 1000', { RegistrationLimit: 1001 }, 'ValidationException'],
    ['a name with other characters', { DefaultInstanceName: 'a;b' }, 'ValidationException'],
    ['an end in the past', { ExpirationDate: new Date(0) }, 'InvalidParameters'],
    [
      'an end in 31 days',
      { ExpirationDate: new Date(Date.now() + 31 * 86_400_000) },
      'InvalidParameters',
    ],
    [
      'a key twice',
      {
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'a', Value: '2' },
        ],
      },
      'ValidationException',
    ],
    ['a key of AWS', { Tags: [{ Key: 'aws:x', Value: '1' }] }, 'ValidationException'],
  ])('refuse %s', async (_what, input, code) => {
    await expect(activate(input)).rejects.toThrow(failure(code, 400));
  });

  it('refuse filters and pages that make no sense', async () => {
    const send = (input: DescribeActivationsCommand['input']) =>
      ssm.send(new DescribeActivationsCommand(input));
    await expect(send({ MaxResults: 51 })).rejects.toThrow(failure('ValidationException', 400));
    await expect(send({ NextToken: 'made up' })).rejects.toThrow(failure('InvalidNextToken', 400));
    await expect(send({ Filters: [{ FilterKey: 'IamRole' }] })).rejects.toThrow(
      failure('InvalidFilter', 400),
    );
  });
});

describe('a machine that registers', () => {
  it('becomes a node as its activation says, and is there once its agent has reported', async () => {
    const agent = await node({
      DefaultInstanceName: 'till',
      Tags: [{ Key: 'Site', Value: 'Berlin' }],
    });
    expect(agent.instanceId).toMatch(/^mi-[0-9a-f]{17}$/);
    const fresh = await listed(agent.instanceId);
    expect(fresh).toMatchObject({
      PingStatus: 'Inactive',
      Name: 'till',
      IamRole,
      ResourceType: 'ManagedInstance',
    });
    expect(fresh!.AgentVersion).toBeUndefined();
    expect(await agent.report()).toMatchObject({ status: 200 });
    expect(await listed(agent.instanceId)).toMatchObject({
      PingStatus: 'Online',
      AgentVersion: '3.3.0.0',
      IsLatestVersion: false,
      PlatformName: 'Debian GNU/Linux',
      ComputerName: 'till-1',
      IPAddress: '192.0.2.7',
    });
    pass(20 * MINUTE_MS);
    expect((await listed(agent.instanceId))!.PingStatus).toBe('ConnectionLost');
  });

  it('is refused without the right code, after the end, and beyond the limit', async () => {
    const made = await activate({ ExpirationDate: new Date(now() + 10 * MINUTE_MS) });
    const agent = new HybridAgent(sandbox.endpoint, now);
    const type = async (changes: Record<string, unknown> = {}): Promise<unknown> =>
      (await agent.register(made, changes)).body['__type'];
    expect(await type({ ActivationCode: 'x'.repeat(20) })).toBe('InvalidActivation');
    expect(await type({ PublicKey: 'A'.repeat(400) })).toBe('InvalidPublicKey');
    expect(await type({ PublicKeyType: 'Dsa' })).toBe('ValidationException');
    expect(await type({ Fingerprint: undefined })).toBe('ValidationException');
    pass(11 * MINUTE_MS);
    expect(await type()).toBe('ActivationExpired');
    pass(-offsetMs);
    expect(await type()).toBeUndefined();
    expect(await type()).toBe('RegistrationLimitExceeded');
    const { ActivationList } = await ssm.send(
      new DescribeActivationsCommand({
        Filters: [{ FilterKey: 'ActivationIds', FilterValues: [made.ActivationId!] }],
      }),
    );
    expect(ActivationList![0]!.RegistrationsCount).toBe(1);
  });

  it('gets credentials of its role by its key and its fingerprint alone', async () => {
    const agent = await node();
    const { status, body } = await agent.requestRoleToken();
    expect([status, body['UpdateKeyPair']]).toEqual([200, false]);
    expect(body['TokenExpirationDate']).toBeCloseTo(now() / 1000 + 3600, -2);
    const sts = new STSClient({
      endpoint: sandbox.endpoint,
      region: 'us-east-1',
      credentials: {
        accessKeyId: String(body['AccessKeyId']),
        secretAccessKey: String(body['SecretAccessKey']),
        sessionToken: String(body['SessionToken']),
      },
    });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:sts::123456789012:assumed-role/${IamRole}/${agent.instanceId}`,
    );
    const type = async (answer: Promise<{ body: Record<string, unknown> }>): Promise<unknown> =>
      (await answer).body['__type'];
    expect(await type(agent.requestRoleToken('another machine'))).toBe(
      'MachineFingerprintDoesNotMatch',
    );
    const target = { 'X-Amz-Target': 'AmazonSSM.UpdateManagedInstancePublicKey' };
    expect(await type(agent.requestRoleToken(undefined, target))).toBe('InvalidSignatureException');
    const imposter = new HybridAgent(sandbox.endpoint, now, newKeys());
    imposter.instanceId = agent.instanceId;
    expect(await type(imposter.requestRoleToken(agent.fingerprint))).toBe(
      'InvalidSignatureException',
    );
    imposter.instanceId = NOWHERE;
    expect(await type(imposter.requestRoleToken())).toBe('UnrecognizedClientException');
    const late = new HybridAgent(sandbox.endpoint, () => now() - 10 * MINUTE_MS);
    late.instanceId = agent.instanceId;
    expect(await type(late.requestRoleToken())).toBe('InvalidSignatureException');
  });

  it('keeps its identity when it changes its key', async () => {
    const agent = await node();
    expect((await agent.rotateKey()).status).toBe(200);
    expect((await agent.requestRoleToken()).status).toBe(200);
  });

  it('speaks for itself alone', async () => {
    const agent = await node();
    const other = await node();
    expect(await agent.report({ InstanceId: other.instanceId })).toMatchObject({
      status: 400,
      body: { __type: 'AccessDeniedException' },
    });
    expect((await listed(other.instanceId))!.PingStatus).toBe('Inactive');
  });

  it('loses role, place and credentials to its administrator', async () => {
    const agent = await node();
    const { instanceId: InstanceId } = agent;
    const setRole = (role: string, id = InstanceId) =>
      ssm.send(new UpdateManagedInstanceRoleCommand({ InstanceId: id, IamRole: role }));
    await setRole(`service-role/${IamRole}`);
    await expect(setRole('devaccess-admin')).rejects.toThrow(failure('ValidationException', 400));
    await expect(setRole(IamRole, NOWHERE)).rejects.toThrow(failure('InvalidInstanceId', 400));
    await ssm.send(new DeregisterManagedInstanceCommand({ InstanceId }));
    expect(await listed(InstanceId)).toBeUndefined();
    expect((await agent.requestRoleToken()).body['__type']).toBe('UnrecognizedClientException');
    await expect(ssm.send(new DeregisterManagedInstanceCommand({ InstanceId }))).rejects.toThrow(
      failure('InvalidInstanceId', 400),
    );
    await expect(
      ssm.send(new DeregisterManagedInstanceCommand({ InstanceId: 'i-0123456789abcdef0' })),
    ).rejects.toThrow(failure('ValidationException', 400));
  });

  it('is one of a thousand at most in the standard tier', async () => {
    const many = await start({ nodeTier: 'standard' });
    const { account, hybridNodes } = many.sandbox;
    const [nas] = account.nodes.filter(({ resourceType }) => resourceType === 'ManagedInstance');
    for (let count = 1; count < 1000; count += 1) account.nodes.push({ ...nas! });
    const made = await many
      .ssm(many.longTerm)
      .send(new CreateActivationCommand({ IamRole, RegistrationLimit: 2 }));
    const agent = new HybridAgent(many.sandbox.endpoint);
    expect((await agent.register(made)).body['__type']).toBe('RegistrationLimitExceeded');
    hybridNodes.setTier('us-east-1', 'advanced');
    expect((await agent.register(made)).status).toBe(200);
  });
});

describe('tags of nodes', () => {
  it('are added, listed, found by, and removed', async () => {
    const { instanceId: ResourceId } = await node({ Tags: [{ Key: 'Site', Value: 'Berlin' }] });
    const resource = { ResourceType: 'ManagedInstance' as const, ResourceId };
    const Tags = [
      { Key: 'Role', Value: 'till' },
      { Key: 'Site', Value: 'Bonn' },
    ];
    await ssm.send(new AddTagsToResourceCommand({ ...resource, Tags }));
    const list = async () =>
      (await ssm.send(new ListTagsForResourceCommand(resource))).TagList!.map(
        ({ Key, Value }) => `${Key!}=${Value!}`,
      );
    expect((await list()).sort()).toEqual(['Role=till', 'Site=Bonn']);
    const { InstanceInformationList } = await ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: 'tag:Role', Values: ['till'] }] }),
    );
    expect(InstanceInformationList!.map(({ InstanceId }) => InstanceId)).toEqual([ResourceId]);
    await ssm.send(new RemoveTagsFromResourceCommand({ ...resource, TagKeys: ['Site', 'none'] }));
    expect(await list()).toEqual(['Role=till']);
    const tooMany = Array.from({ length: 50 }, (_, at) => ({ Key: `k${at}`, Value: '' }));
    await expect(
      ssm.send(new AddTagsToResourceCommand({ ...resource, Tags: tooMany })),
    ).rejects.toThrow(failure('TooManyTagsError', 400));
    const nowhere = new ListTagsForResourceCommand({ ...resource, ResourceId: NOWHERE });
    await expect(ssm.send(nowhere)).rejects.toThrow(failure('InvalidResourceId', 400));
    const document = new ListTagsForResourceCommand({ ResourceType: 'Document', ResourceId: 'x' });
    await expect(ssm.send(document)).rejects.toThrow(failure('InvalidResourceType', 400));
  });
});

describe('the tier of nodes', () => {
  it('is a setting by name or ARN; sessions to nodes need the advanced one', async () => {
    const { sandbox: own, ssm: client, mfaKeys, startSsh } = await start();
    const [nas] = own.account.nodes.filter(
      ({ resourceType }) => resourceType === 'ManagedInstance',
    );
    const keys = await mfaKeys();
    const SettingId = '/ssm/managed-instance/activation-tier';
    const ARN = `arn:aws:ssm:us-east-1:123456789012:servicesetting${SettingId}`;
    const tier = async (id: string, region?: string) =>
      (await client(keys, region).send(new GetServiceSettingCommand({ SettingId: id })))
        .ServiceSetting!;
    expect(await tier(SettingId)).toMatchObject({
      SettingValue: 'advanced',
      Status: 'Customized',
      ARN,
    });
    expect(await tier(SettingId, 'eu-west-1')).toMatchObject({ SettingValue: 'standard' });
    expect((await client(keys).send(startSsh(nas!.instanceId))).SessionId).toMatch(/^alice-/);

    await client(keys).send(
      new UpdateServiceSettingCommand({ SettingId: ARN, SettingValue: 'standard' }),
    );
    expect(await tier(ARN)).toMatchObject({ SettingValue: 'standard', Status: 'Default' });
    await expect(client(keys).send(startSsh(nas!.instanceId))).rejects.toThrow(
      failure(
        'BadRequest',
        400,
        'Enable advanced-instances tier to use Session Manager with your on-premises instances',
      ),
    );
    // EC2 instances need no tier.
    expect((await client(keys).send(startSsh())).SessionId).toMatch(/^alice-/);
    const update = (SettingValue: string, id = SettingId) =>
      client(keys).send(new UpdateServiceSettingCommand({ SettingId: id, SettingValue }));
    await expect(update('golden')).rejects.toThrow(failure('ValidationException', 400));
    await expect(update('advanced', '/ssm/other')).rejects.toThrow(
      failure('ServiceSettingNotFound', 400),
    );
    await update('advanced');
    await client(keys).send(new ResetServiceSettingCommand({ SettingId }));
    expect(own.hybridNodes.tier('us-east-1')).toBe('standard');
  });
});
