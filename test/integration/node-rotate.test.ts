import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetParameterCommand, SSMClient, UpdateDocumentCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { callerPolicy } from '../../src/iam/generated-policy.ts';
import type { AccessWords } from '../../src/iam/policy/access-request.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { REAL_CLOCK } from '../../src/aws/run-command/poll-pace.ts';
import { NodeApi } from '../../src/nodes/node-api.ts';
import { commandDocument } from '../../src/nodes/rotate/command-document.ts';
import type { Delivery } from '../../src/nodes/rotate/command-document.ts';
import { parameterWay, sealedWay } from '../../src/nodes/rotate/delivery-ways.ts';
import type { NodeRole } from '../../src/nodes/rotate/delivery-ways.ts';
import { pinDocument } from '../../src/nodes/rotate/pinned-document.ts';
import { rotateCredentials } from '../../src/nodes/rotate/rotate-credentials.ts';
import type { NodeRotation, RotationPlan } from '../../src/nodes/rotate/rotate-credentials.ts';
import { createAssociation } from '../../src/nodes/rotate/schedule.ts';
import { findTargets } from '../../src/nodes/rotate/targets.ts';
import { openPayload } from '../../src/nodes/rotate/sealed-payload.ts';
import { boxKeyText } from '../../src/platform/sealed-box.ts';
import type { ScriptRequest } from '../../src/sandbox/run-command/shell-script.ts';
import { startShellScript } from '../../src/sandbox/run-command/shell-script.ts';
import { devaccess } from './cli.ts';
import { startFleetSandbox } from './support/fleet-sandbox.ts';
import type { FleetSandbox } from './support/fleet-sandbox.ts';
import { HybridAgent } from './support/hybrid-agent.ts';

const ROTATOR: AccessWords = {
  account: '123456789012',
  regions: ['us-east-1'],
  // Of a role: nobody is there to give a code.
  kind: 'role',
  name: 'devaccess',
  features: ['rotate-nodes'],
  documents: [],
  tags: ['Site=Berlin'],
  targets: [],
  kmsKeys: [],
  osUser: undefined,
  trusted: [],
  nodeRoles: ['arn:aws:iam::123456789012:role/shop'],
  mfaAgeS: 43_200,
  strict: false,
};

let place: FleetSandbox;
let api: NodeApi;
let role: NodeRole;
let ssm: SSMClient;
/** Every secret and token that STS gave out in a test. */
let secrets: string[] = [];
let left: string[] = [];
const nodeKeys = generateKeyPairSync('x25519');

beforeAll(async () => {
  place = await startFleetSandbox();
  const { accessKeyId, secretAccessKey } = place.sandbox.administrator;
  const credentials = { accessKeyId, secretAccessKey };
  vi.stubEnv('AWS_ENDPOINT_URL', place.sandbox.endpoint);
  api = await NodeApi.open({ credentials, region: 'us-east-1', namedProfile: undefined });
  ssm = new SSMClient({ credentials, region: 'us-east-1', endpoint: place.sandbox.endpoint });
  role = {
    credentials,
    profile: undefined,
    caller: 'admin',
    region: 'us-east-1',
    arn: place.roleArn,
    externalId: undefined,
    durationSeconds: 3600,
    now: Date.now,
  };
});
afterAll(async () => {
  ssm.destroy();
  api.close();
  vi.unstubAllEnvs();
  await place.sandbox.close();
});
afterEach(() => {
  place.sandbox.systemsManager.commandDocuments.length = 0;
  place.sandbox.systemsManager.parameters.clear();
  secrets = [];
  left = [];
});

/** What the fetching script does, without a process. */
function fetched(instanceId: string): string {
  const name = `/devaccess/creds/${instanceId}/shop`;
  const stored = place.sandbox.systemsManager.parameters.get(`us-east-1 ${name}`);
  if (stored === undefined) throw new Error('no parameter');
  return receiptOf(opened(stored.value, name));
}

function opened(value: string, name: string): string {
  const arn = `arn:aws:ssm:us-east-1:123456789012:parameter${name}`;
  return place.sandbox.kmsOpen(Buffer.from(value, 'base64'), { PARAMETER_ARN: arn });
}

function receiptOf(text: string): string {
  const answer = JSON.parse(text) as Record<string, string>;
  secrets.push(answer['SecretAccessKey']!, answer['SessionToken']!);
  return `ok ${answer['AccessKeyId']!.slice(-4)} ${answer['Expiration']!}\n`;
}

/** What `nodes receive` does, without a process. */
function unsealed(instanceId: string, script: ScriptRequest): string {
  const payload = script.document!.parameters['Payload']!;
  const content = openPayload(payload, { instanceId, name: 'shop' }, nodeKeys);
  if (content === undefined) throw new Error('not for this node');
  return receiptOf(content.text);
}

async function plan(via: Delivery, changes: Partial<RotationPlan> = {}): Promise<RotationPlan> {
  const tags = [{ key: 'Site', value: 'Berlin' }];
  const nodes = changes.nodes ?? (await findTargets(api, { ids: [], tags }, Date.now()));
  const keys = new Map<string, KeyObject>(
    nodes.map((node) => [node.instanceId, nodeKeys.publicKey]),
  );
  const onLeft = (names: readonly string[]): void => void left.push(...names);
  return {
    api,
    nodes,
    document: await pinDocument(api, commandDocument(via), false),
    parameters: { Name: 'shop', Group: '', Folder: '/run/devaccess/credentials' },
    way:
      via === 'sealed'
        ? sealedWay(role, 'shop', keys)
        : parameterWay(api, role, 'shop', { keyId: undefined, isKept: false, onLeft }),
    maxConcurrency: { percent: 100 },
    maxErrors: { percent: 100 },
    deliveryTimeoutS: 30,
    executionTimeoutS: 5,
    clock: REAL_CLOCK,
    stop: new AbortController().signal,
    onResult: () => undefined,
    ...changes,
  };
}

function counts(results: readonly NodeRotation[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { status } of results) found[status] = (found[status] ?? 0) + 1;
  return found;
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

describe('a rotation', () => {
  const FLEET = { sound: 53, slow: 3, failing: 2, offline: 2, lying: 1, noisy: 1 };

  it.each(['parameter', 'sealed'] as const)(
    'reaches what can be reached, tells of every node, and leaves no secret (%s)',
    async (via) => {
      const perform = via === 'sealed' ? unsealed : fetched;
      place.fleet({ counts: via === 'sealed' ? { ...FLEET, sound: 9 } : FLEET, perform });
      const results = await rotateCredentials(await plan(via));
      expect(counts(results)).toEqual({
        Success: via === 'sealed' ? 12 : 56,
        Failed: 3,
        Offline: 2,
        Unverified: 1,
      });
      expect(
        results.every(({ status, expiration }) => (status === 'Success') === (expiration !== null)),
      ).toBe(true);
      const kept = place.keptTexts();
      expect(secrets.length).toBeGreaterThanOrEqual(24);
      for (const secret of secrets) expect(kept).not.toContain(secret);
      expect(JSON.stringify(results)).not.toContain(secrets[0]);
      expect(place.sandbox.systemsManager.parameters.size).toBe(0);
      expect(left).toEqual([]);
    },
  );

  it('gives each node a session of its own name', async () => {
    place.fleet({ counts: { sound: 1 }, perform: fetched });
    const stored: string[] = [];
    const rotation = await plan('parameter');
    const { way } = rotation;
    const clear = async (ids: readonly string[], stop: AbortSignal): Promise<void> => {
      for (const id of ids) {
        const Name = `/devaccess/creds/${id}/shop`;
        const { Parameter } = await ssm.send(
          new GetParameterCommand({ Name, WithDecryption: true }),
        );
        stored.push(Parameter?.Value ?? '');
      }
      await way.clear(ids, stop);
    };
    const [result] = await rotateCredentials({ ...rotation, way: { ...way, clear } });
    const answer = JSON.parse(stored[0]!) as Record<string, string>;
    const sts = new STSClient({
      region: 'us-east-1',
      endpoint: place.sandbox.endpoint,
      credentials: {
        accessKeyId: answer['AccessKeyId']!,
        secretAccessKey: answer['SecretAccessKey']!,
        sessionToken: answer['SessionToken']!,
      },
    });
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    expect(Arn).toMatch(new RegExp(`assumed-role/shop/${result!.instanceId}$`));
  });

  it('sends nothing more after too many failures', async () => {
    place.fleet({ counts: { failing: 20 }, perform: fetched });
    const limits = { maxConcurrency: { count: 5 }, maxErrors: { count: 3 } };
    const results = await rotateCredentials(await plan('parameter', limits));
    expect(counts(results)).toEqual({ Failed: 5, NotSent: 15 });
  });

  it('cancels what runs when it is stopped', async () => {
    place.fleet({ counts: { sound: 2, slow: 3 }, perform: fetched, slowMs: 60_000 });
    const stop = new AbortController();
    const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
      await REAL_CLOCK.wait(ms, signal);
      const [command] = place.sandbox.commands.list('us-east-1');
      if (command?.invocations.filter(({ status }) => status === 'Success').length === 2)
        stop.abort();
    };
    const clock = { now: () => performance.now(), wait };
    const results = await rotateCredentials(await plan('parameter', { stop: stop.signal, clock }));
    expect(counts(results)['Cancelled']).toBeGreaterThanOrEqual(3);
    const [command] = place.sandbox.commands.list('us-east-1');
    const statuses = command!.invocations.map(({ status }) => status);
    expect(statuses).not.toContain('InProgress');
    expect(place.sandbox.systemsManager.parameters.size).toBe(0);
  });

  it('gives up a node that never answers when its time is over', async () => {
    place.fleet({ counts: { sound: 1, silent: 1 }, perform: fetched });
    let now = 0;
    const clock = {
      now: () => now,
      wait: async (ms: number, stop: AbortSignal) => {
        now += 20_000;
        await REAL_CLOCK.wait(Math.min(ms, 100), stop);
      },
    };
    const results = await rotateCredentials(await plan('parameter', { clock }));
    expect(counts(results)).toEqual({ Success: 1, Lost: 1 });
  });

  it('is refused as a whole where the role may not be assumed', async () => {
    place.fleet({ counts: { sound: 3 }, perform: fetched });
    const foreign = { ...role, arn: place.roleArn.replace(/shop$/, 'nowhere') };
    const way = sealedWay(
      foreign,
      'shop',
      new Map((await plan('sealed')).nodes.map((node) => [node.instanceId, nodeKeys.publicKey])),
    );
    await expect(rotateCredentials(await plan('sealed', { way }))).rejects.toEqual(
      refusal('DA_ROLE_DENIED', /may not assume/),
    );
  });

  it('needs the key of a node to seal to it', async () => {
    place.fleet({ counts: { sound: 1 }, perform: unsealed });
    const way = sealedWay(role, 'shop', new Map());
    const [result] = await rotateCredentials(await plan('sealed', { way }));
    expect(result).toMatchObject({ status: 'NotSent', error: { code: 'DA_NODE_KEY' } });
  });

  it('runs no document that somebody has changed', async () => {
    place.fleet({ counts: { sound: 1 }, perform: fetched });
    const document = commandDocument('parameter');
    await pinDocument(api, document, false);
    const Content = document.content.replace('set -eu', 'curl evil');
    await ssm.send(
      new UpdateDocumentCommand({ Name: document.name, Content, DocumentVersion: '$LATEST' }),
    );
    // The first version is the default one, and still ours.
    expect((await pinDocument(api, document, false)).version).toBe('1');
    place.sandbox.systemsManager.commandDocuments[0]!.defaultVersion = 2;
    await expect(pinDocument(api, document, false)).rejects.toEqual(
      refusal('DA_NODE_DOCUMENT', /nothing was sent/),
    );
    expect((await pinDocument(api, document, true)).version).toBe('3');
  });

  it('tells of a part that failed by its exit code', async () => {
    place.fleet({ counts: { sound: 2, failing: 1 }, perform: fetched });
    const { accessKeyId, secretAccessKey } = place.sandbox.administrator;
    // With no more than the policy that devaccess makes for it.
    const { policies } = callerPolicy(ROTATOR);
    const admin = place.sandbox.account.users[1]!;
    const all = [...admin.attachedPolicies];
    admin.attachedPolicies.clear();
    admin.inlinePolicies.set(
      'rotator',
      policyOf(policies.flatMap(({ Statement }) => [...Statement])),
    );
    const args = ['--tag', 'Site=Berlin', '--name', 'shop', '--role-arn', place.roleArn];
    const { code, stdout, stderr } = await devaccess(
      ['nodes', 'rotate', ...args, '--max-errors', '100%', '--max-concurrency', '100%'],
      {
        env: {
          ...place.sandbox.environment,
          HOME: tmpdir(),
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
        },
      },
    );
    for (const policy of all) admin.attachedPolicies.add(policy);
    admin.inlinePolicies.clear();
    expect(code).toBe(4);
    expect(stderr).toMatch(/2 Success, 1 Failed$/m);
    expect(stdout).toMatch(/^mi-\w+ +failing-0 +Failed +publish: permission denied$/m);
  });

  it('goes on without a node that was deregistered meanwhile', async () => {
    place.fleet({ counts: { sound: 3 }, perform: fetched });
    const rotation = await plan('parameter');
    const gone = place.sandbox.account.nodes.splice(-1, 1)[0]!.instanceId;
    const results = await rotateCredentials(rotation);
    expect(counts(results)).toEqual({ Success: 2, NotSent: 1 });
    expect(results.find(({ instanceId }) => instanceId === gone)).toMatchObject({
      error: { code: 'DA_NODE_UNKNOWN' },
    });
  });

  it('has targets', async () => {
    const tags = [{ key: 'Site', value: 'Nowhere' }];
    await expect(findTargets(api, { ids: [], tags }, 0)).rejects.toEqual(
      refusal('DA_NO_TARGETS', /No hybrid node/),
    );
  });

  it('is made an association, once', async () => {
    const request = {
      document: await pinDocument(api, commandDocument('parameter'), false),
      name: 'shop',
      schedule: 'rate(30 minutes)',
      targets: [{ Key: 'tag:Site', Values: ['Berlin'] }],
      parameters: { Name: 'shop' },
      maxConcurrency: '10%',
      maxErrors: '10%',
    };
    await createAssociation(api, request);
    const [association] = place.sandbox.systemsManager.associations;
    expect(association?.members).toMatchObject({
      Name: 'devaccess-fetch-credentials',
      ScheduleExpression: 'rate(30 minutes)',
      AssociationName: 'devaccess-credentials-shop',
    });
    await expect(createAssociation(api, request)).rejects.toEqual(
      refusal('DA_SCHEDULE_EXISTS', /already/),
    );
  });
});

describe('the scripts of a rotation, as they run on a node', () => {
  let folder: string;
  let agent: HybridAgent;

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'devaccess-rotate-')));
    mkdirSync(join(folder, 'bin'));
    writeFileSync(
      join(folder, 'bin', 'devaccess'),
      `#!/bin/sh\nexec '${process.execPath}' '${join(import.meta.dirname, '../../bin/devaccess.js')}' "$@" --key-file '${folder}/key/node-key.json'\n`,
      { mode: 0o755 },
    );
    const activation = place.sandbox.hybridNodes.activate({
      region: 'us-east-1',
      iamRole: 'devaccess-hybrid-nodes',
      description: undefined,
      defaultInstanceName: 'till',
      registrationLimit: 1,
      expiresAtMs: Date.now() + 60_000,
      tags: { Site: 'Till' },
    });
    place.sandbox.account.nodes.length = 2;
    agent = new HybridAgent(place.sandbox.endpoint);
    await agent.register({
      ActivationId: activation.activationId,
      ActivationCode: activation.activationCode,
    });
    await agent.report({ PlatformName: 'Debian', PlatformVersion: '12' });
    const { body } = await agent.requestRoleToken();
    const environment = {
      AWS_SSM_INSTANCE_ID: agent.instanceId,
      AWS_SSM_REGION_NAME: 'us-east-1',
      AWS_ENDPOINT_URL: place.sandbox.endpoint,
      AWS_ACCESS_KEY_ID: String(body['AccessKeyId']),
      AWS_SECRET_ACCESS_KEY: String(body['SecretAccessKey']),
      AWS_SESSION_TOKEN: String(body['SessionToken']),
    };
    const node = { homeDirectory: folder, programsDirectory: join(folder, 'bin') };
    place.startOther = (_id, script) => startShellScript(node, script, environment);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const published = () =>
    JSON.parse(readFileSync(join(folder, 'out', 'shop.json'), 'utf8')) as Record<string, string>;

  async function rotate(via: Delivery, keys = new Map<string, KeyObject>()): Promise<NodeRotation> {
    const nodes = await findTargets(api, { ids: [agent.instanceId], tags: [] }, Date.now());
    const parameters = { Name: 'shop', Group: '', Folder: join(folder, 'out') };
    const way = via === 'sealed' ? { way: sealedWay(role, 'shop', keys) } : {};
    const changes = { nodes, parameters, executionTimeoutS: 60, ...way };
    const [result] = await rotateCredentials(await plan(via, changes));
    return result!;
  }

  it('fetch with the AWS CLI, and publish for root alone', async () => {
    const result = await rotate('parameter');
    expect(result).toMatchObject({ status: 'Success', detail: null });
    expect(published()['Expiration']).toBe(result.expiration?.replace('.000Z', 'Z'));
    expect(statSync(join(folder, 'out', 'shop.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'out')).mode & 0o777).toBe(0o711);
  }, 60_000);

  it('open what is sealed to the key of the node, once', async () => {
    const init = await devaccess(
      [
        'nodes',
        'init',
        '--instance-id',
        agent.instanceId,
        '--key-file',
        `${folder}/key/node-key.json`,
      ],
      { env: { HOME: folder } },
    );
    expect(init.code).toBe(0);
    writeFileSync(join(folder, 'keys'), `# tills\n${init.stdout}`);
    const { readTrustedKeys } = await import('../../src/nodes/rotate/node-keys.ts');
    const keys = readTrustedKeys(join(folder, 'keys'));
    expect(init.stdout).toContain(boxKeyText(keys.get(agent.instanceId)!));
    rmSync(join(folder, 'out'), { recursive: true, force: true });
    expect(await rotate('sealed', keys)).toMatchObject({ status: 'Success' });
    const before = published();
    const [command] = place.sandbox.commands.list('us-east-1');
    const payload = command!.parameters['Payload']![0]!;
    const again = await devaccess(
      [
        'nodes',
        'receive',
        '--name',
        'shop',
        '--dir',
        join(folder, 'out'),
        '--payload',
        payload,
        '--key-file',
        `${folder}/key/node-key.json`,
      ],
      { env: { HOME: folder } },
    );
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/refused: what is published is as young.*DA_PAYLOAD_REFUSED/);
    expect(published()).toEqual(before);
  }, 60_000);
});
