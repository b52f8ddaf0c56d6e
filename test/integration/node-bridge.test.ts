import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromIni } from '@aws-sdk/credential-provider-ini';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bridge } from '../../src/nodes/bridge/bridge.ts';
import type { BridgePlan } from '../../src/nodes/bridge/bridge.ts';
import type { IamRole } from '../../src/sandbox/iam/entities.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { devaccess, run } from './cli.ts';
import { HybridAgent } from './support/hybrid-agent.ts';
import { hasBoto3 } from './support/real-tools.ts';

let sandbox: Sandbox;
let agent: HybridAgent;
let folder: string;
let shop: IamRole;

beforeAll(async () => {
  sandbox = await startSandbox();
  const { account, hybridNodes } = sandbox;
  const activation = hybridNodes.activate({
    region: 'us-east-1',
    iamRole: 'devaccess-hybrid-nodes',
    description: undefined,
    defaultInstanceName: 'till',
    registrationLimit: 1,
    expiresAtMs: Date.now() + 60_000,
    tags: {},
  });
  agent = new HybridAgent(sandbox.endpoint);
  await agent.register({
    ActivationId: activation.activationId,
    ActivationCode: activation.activationCode,
  });
  const nodeRole = account.roles.find(({ roleName }) => roleName === 'devaccess-hybrid-nodes')!;
  const statement = { Effect: 'Allow', Principal: { AWS: nodeRole.arn }, Action: 'sts:AssumeRole' };
  shop = {
    ...nodeRole,
    roleName: 'shop',
    roleId: 'AROAABCDEFGHIJKLMNOPQ',
    arn: nodeRole.arn.replace(/[^/]*$/, 'shop'),
    inlinePolicies: new Map(),
    trustPolicy: policyOf([statement], 'trust'),
  };
  account.roles.push(shop);
  vi.stubEnv('AWS_ENDPOINT_URL', sandbox.endpoint);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
});

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'devaccess-node-')));
  await agentRefreshes();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the agent does every half hour. */
async function agentRefreshes(): Promise<void> {
  const { body } = await agent.requestRoleToken();
  writeFileSync(
    join(folder, 'credentials'),
    `[ssm-agent]\naws_access_key_id = ${String(body['AccessKeyId'])}\n` +
      `aws_secret_access_key = ${String(body['SecretAccessKey'])}\n` +
      `aws_session_token = ${String(body['SessionToken'])}\n`,
    { mode: 0o600 },
  );
  const state = {
    InstanceId: agent.instanceId,
    IdentityType: 'OnPrem',
    ShareFile: join(folder, 'credentials'),
    ShareProfile: 'ssm-agent',
    CredentialsExpiresAt: new Date(Number(body['TokenExpirationDate']) * 1000).toISOString(),
  };
  writeFileSync(join(folder, 'identity.json'), JSON.stringify(state), { mode: 0o600 });
}

function plan(changes: Partial<BridgePlan> = {}): BridgePlan {
  return {
    name: 'shop',
    folder: join(folder, 'out'),
    gid: process.getegid!(),
    source: {
      kind: 'agent',
      stateFile: join(folder, 'identity.json'),
      credentialsFile: undefined,
      section: undefined,
      usualFile: join(folder, 'credentials'),
    },
    role: {
      arn: shop.arn,
      sessionName: undefined,
      externalId: undefined,
      durationSeconds: 3600,
      region: 'us-east-1',
    },
    ...changes,
  };
}

const bring = (changes: Partial<BridgePlan> = {}, nowMs = Date.now()) =>
  bridge(plan(changes), { env: {}, now: () => nowMs });
const published = () =>
  JSON.parse(readFileSync(join(folder, 'out', 'shop.json'), 'utf8')) as Record<string, string>;
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error;

/** What a service has in its home. */
async function consumer(): Promise<Record<string, string>> {
  const args = ['nodes', 'credentials', '--name', 'shop', '--dir', join(folder, 'out')];
  const env = { HOME: folder, AWS_ENDPOINT_URL: sandbox.endpoint };
  const { stdout, code } = await devaccess([...args, '--print-config', '--region', 'us-east-1'], {
    env,
  });
  expect(code).toBe(0);
  writeFileSync(join(folder, 'config'), stdout);
  return {
    ...env,
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    AWS_PROFILE: 'shop',
  };
}

describe('devaccess nodes bridge', () => {
  it('gives the AWS CLI, boto3 and the SDK for JavaScript a role of the application', async () => {
    const args = ['--name', 'shop', '--dir', join(folder, 'out'), '--role-arn', shop.arn];
    const env = { HOME: folder, AWS_ENDPOINT_URL: sandbox.endpoint };
    const bridged = await devaccess(
      ['nodes', 'bridge', ...args, '--agent-state', join(folder, 'identity.json'), '--json'],
      { env },
    );
    expect(bridged).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(bridged.stdout)).toMatchObject({ outcome: 'published', role: shop.arn });
    expect(bridged.stdout).not.toContain(published()['SecretAccessKey']);

    const session = `arn:aws:sts::123456789012:assumed-role/shop/${agent.instanceId}`;
    const consumerEnv = await consumer();
    const credentials = fromIni({
      profile: 'shop',
      configFilepath: join(folder, 'config'),
      filepath: join(folder, 'none'),
    });
    const sts = new STSClient({ region: 'us-east-1', endpoint: sandbox.endpoint, credentials });
    const [cli, boto, sdk] = await Promise.all([
      run('aws', ['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'], {
        env: consumerEnv,
      }),
      hasBoto3
        ? run(
            'python3',
            ['-c', 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'],
            { env: consumerEnv },
          )
        : undefined,
      sts.send(new GetCallerIdentityCommand({})),
    ]);
    expect(cli.stdout.trim()).toBe(session);
    if (boto !== undefined) expect(boto.stdout.trim()).toBe(session);
    expect(sdk.Arn).toBe(session);
  }, 60_000);

  it('assumes the role anew at half of its life, and another one at once', async () => {
    await bring();
    const { AccessKeyId: first } = published();
    expect(await bring()).toMatchObject({ outcome: 'kept', source: null });
    await bring({}, Date.now() + 31 * 60_000);
    const { AccessKeyId: second } = published();
    expect(second).not.toBe(first);
    const shorter = { ...plan().role!, durationSeconds: 900 };
    expect(await bring({ role: shorter })).toMatchObject({ outcome: 'published' });
    expect(published()['AccessKeyId']).not.toBe(second);
  });

  it('leaves what it had published when the role is taken from it', async () => {
    await bring();
    const before = published();
    const foreign = { ...plan().role!, arn: shop.arn.replace(/shop$/, 'devaccess-admin') };
    await expect(bring({ role: foreign })).rejects.toEqual(
      refusal('DA_ROLE_DENIED', new RegExp(`role of ${agent.instanceId} may not .* stay, until`)),
    );
    expect(published()).toEqual(before);
  });

  it('does not publish the credentials of the machine unless that is asked for', async () => {
    const args = ['nodes', 'bridge', '--name', 'shop', '--dir', join(folder, 'out')];
    const { code, stderr } = await devaccess(args, { env: { HOME: folder } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/can act as the machine/);
  });

  it('writes units that systemd takes', async () => {
    const units = join(folder, 'units');
    const args = ['--name', 'shop', '--role-arn', shop.arn, '--units', units];
    const { code, stdout } = await devaccess(['nodes', 'bridge', ...args], {
      env: { HOME: folder },
    });
    expect(code).toBe(0);
    const files = stdout.trim().split('\n');
    expect(files).toHaveLength(3);
    let isSystemd = true;
    try {
      execFileSync('systemd-analyze', ['--version']);
    } catch {
      isSystemd = false;
    }
    if (isSystemd) execFileSync('systemd-analyze', ['verify', '--man=no', ...files]);
  });
});

describe('devaccess nodes credentials', () => {
  it.each([
    ['nothing is published', 'DA_NOT_PUBLISHED', undefined],
    ['it is over', 'DA_PUBLISHED_EXPIRED', { Expiration: '2020-01-01T00:00:00Z' }],
    ['it has no end', 'DA_PUBLISHED_DAMAGED', { Expiration: undefined }],
    ['it has no token', 'DA_PUBLISHED_DAMAGED', { SessionToken: '' }],
  ])('gives nothing and exits with 1 when %s', async (_what, code, changes) => {
    if (changes !== undefined) {
      await bring();
      const text = JSON.stringify({ ...published(), ...changes });
      writeFileSync(join(folder, 'out', 'shop.json'), text);
    }
    const args = ['nodes', 'credentials', '--name', 'shop', '--dir', join(folder, 'out')];
    const end = await devaccess(args, { env: { HOME: folder } });
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr).toContain(`[${code}]`);
  });
});

describe('the bridge from an instance profile', () => {
  let metadata: Server;
  let expiration: string;
  const calls: string[] = [];
  let tokens = 0;

  beforeAll(async () => {
    metadata = createServer((request, response) => {
      calls.push(`${request.method ?? ''} ${request.url ?? ''}`);
      const [status, body] = metadataAnswer(request);
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => void metadata.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void metadata.close());

  function metadataAnswer({ method, url = '', headers }: IncomingMessage): [number, string?] {
    if (method === 'PUT' && url === '/latest/api/token') return [200, `token-${(tokens += 1)}`];
    const token = headers['x-aws-ec2-metadata-token'];
    // The first token is over already.
    if (token === undefined || token === 'token-1') return [401];
    if (url.endsWith('/security-credentials/')) return [200, 'web'];
    if (!url.endsWith('/security-credentials/web')) return [404];
    const keys = { AccessKeyId: 'ASIAIMDSKEY', SecretAccessKey: 'secret-of-imds' };
    const rest = { Token: 'token-of-imds', Expiration: expiration };
    return [200, JSON.stringify({ Code: 'Success', ...keys, ...rest })];
  }

  const imds = () => ({
    kind: 'imds' as const,
    env: {
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`,
    },
  });

  it('asks by IMDSv2 alone, with a new token where one is over', async () => {
    expiration = new Date(Date.now() + 3_600_000).toISOString();
    await bring({ source: imds(), role: undefined });
    expect(published()).toMatchObject({
      AccessKeyId: 'ASIAIMDSKEY',
      SessionToken: 'token-of-imds',
    });
    expect(calls.slice(0, 4).map((call) => call.slice(0, 24))).toEqual([
      'PUT /latest/api/token',
      'GET /latest/meta-data/ia',
      'PUT /latest/api/token',
      'GET /latest/meta-data/ia',
    ]);
  });

  it('publishes none that are over, and says where nobody answers', async () => {
    expiration = '2020-01-01T00:00:00Z';
    const over = bring({ source: imds(), role: undefined });
    await expect(over).rejects.toEqual(refusal('DA_METADATA', /that are over; consumers have no/));
    const env = { AWS_EC2_METADATA_DISABLED: 'true' };
    const off = bring({ source: { kind: 'imds', env }, role: undefined });
    await expect(off).rejects.toEqual(refusal('DA_METADATA', /switched off/));
  });
});
