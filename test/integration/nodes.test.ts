import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { activateIntoFolder } from '../../src/nodes/activate.ts';
import { readActivationWish } from '../../src/nodes/activation-request.ts';
import {
  createActivation,
  deleteActivations,
  listActivations,
} from '../../src/nodes/activations.ts';
import { deregisterNodes, planDeregistration } from '../../src/nodes/deregister.ts';
import type { DeregisteredNode } from '../../src/nodes/deregister.ts';
import { NodeApi } from '../../src/nodes/node-api.ts';
import { listNodes } from '../../src/nodes/node-list.ts';
import type { HybridNode, NodeList } from '../../src/nodes/node-list.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { HybridAgent } from './support/hybrid-agent.ts';
import { Person } from './support/person.ts';
import { PersonAtTerminal } from './support/person-at-terminal.ts';

const ROLE = ['--role', 'devaccess-hybrid-nodes'];
const NOWHERE = 'mi-00000000000000000';

let person: Person;
let api: NodeApi;

beforeAll(async () => {
  person = await Person.arrive();
  await person.startDay();
  vi.stubEnv('AWS_ENDPOINT_URL', person.aws.sandbox.endpoint);
  const { accessKeyId, secretAccessKey } = person.aws.sandbox.accessKey;
  const credentials = { accessKeyId, secretAccessKey };
  api = await NodeApi.open({ credentials, region: 'us-east-1', namedProfile: undefined });
});
afterAll(async () => {
  api.close();
  vi.unstubAllEnvs();
  await person.leave();
});

beforeEach(() => {
  const { account } = person.aws.sandbox;
  account.activations.length = 0;
  account.nodes.length = 2;
});
afterEach(() => {
  denyNothing();
  person.aws.sandbox.hybridNodes.setTier('us-east-1', 'advanced');
});

/** A policy of the person's own that forbids some of Systems Manager. */
function deny(...actions: string[]): void {
  const Action = actions.map((action) => `ssm:${action}`);
  const policy = policyOf([{ Effect: 'Deny', Action, Resource: '*' }]);
  person.aws.sandbox.user.inlinePolicies.set('denied', policy);
}

function denyNothing(): void {
  person.aws.sandbox.user.inlinePolicies.delete('denied');
}

async function nodes(...args: string[]) {
  const { code, stdout, stderr } = await person.run('devaccess', ['nodes', ...args]);
  return { code, stdout: stdout.toString(), stderr };
}

/** An error as a person would get it. */
const refusal = (code: string, message: string | RegExp = /./, exitCode = 1) =>
  expect.objectContaining({
    code,
    exitCode,
    message: expect.stringMatching(message) as string,
  }) as Error;

function request(role = 'devaccess-hybrid-nodes') {
  const wish = {
    role,
    limit: 1,
    expires: '24h',
    name: undefined,
    description: undefined,
    tags: [],
  };
  return readActivationWish(wish, Date.now());
}

async function list(tags: Record<string, string> = {}, withTags = true): Promise<NodeList> {
  const wanted = Object.entries(tags).map(([key, value]) => ({ key, value }));
  return listNodes(api, { tags: wanted, withTags }, Date.now());
}

async function nodesJson<T>(...args: string[]): Promise<T & { code: number | null }> {
  const { code, stdout } = await nodes(...args, '--json');
  return { ...(JSON.parse(stdout) as T), code };
}

/** A machine that has registered, and whose agent has reported. */
async function machine(
  name: string,
  tags: Record<string, string> = {},
  report: Record<string, unknown> = {},
): Promise<HybridAgent> {
  const { hybridNodes, endpoint } = person.aws.sandbox;
  const { activationId, activationCode } = hybridNodes.activate({
    region: 'us-east-1',
    iamRole: 'devaccess-hybrid-nodes',
    description: undefined,
    defaultInstanceName: name,
    registrationLimit: 1,
    expiresAtMs: Date.now() + 60_000,
    tags,
  });
  const agent = new HybridAgent(endpoint);
  await agent.register({ ActivationId: activationId, ActivationCode: activationCode });
  expect((await agent.report(report)).status).toBe(200);
  return agent;
}

describe('devaccess nodes activate', () => {
  it('shows the code once, and a machine registers by it', async () => {
    const { code, stdout, stderr } = await nodes(
      ...['activate', ...ROLE, '--name', 'Kasse 1', '--tag', 'Site=Berlin', '--limit', '2'],
    );
    expect(code).toBe(0);
    const [, activationId = ''] = /^activation +(\S+)$/m.exec(stdout) ?? [];
    const [, activationCode = ''] = /^code +(\S+)$/m.exec(stdout) ?? [];
    expect(stdout).toMatch(/^for +2 machines, until .*UTC$/m);
    expect(stderr).toContain(`devaccess nodes install-script ${activationId} --region us-east-1`);
    expect(stderr).not.toContain(activationCode);
    const agent = new HybridAgent(person.aws.sandbox.endpoint);
    await agent.register({ ActivationId: activationId, ActivationCode: activationCode });
    expect(person.aws.sandbox.hybridNodes.node(agent.instanceId, 'us-east-1')).toMatchObject({
      tags: { Site: 'Berlin' },
      activation: { name: 'Kasse 1' },
    });
    const listed = await nodes('activations', 'list');
    expect(listed.stdout).toMatch(new RegExp(`^${activationId} +open +1 of 2 `, 'm'));
    expect(listed.stdout).not.toContain(activationCode);
  });

  it('writes the code to a file of its own beside the scripts, and tells JSON where', async () => {
    const { code, files, ...rest } = await nodesJson<{ files: Record<string, string> }>(
      ...['activate', ...ROLE, '--expires', '7d', '--out', 'shop'],
    );
    const [activation] = person.aws.sandbox.account.activations;
    expect(code).toBe(0);
    expect(rest).toEqual({
      activationId: activation!.activationId,
      region: 'us-east-1',
      role: 'devaccess-hybrid-nodes',
      limit: 1,
      expiresAt: new Date(activation!.expiresAtMs).toISOString(),
    });
    expect(activation!.expiresAtMs - Date.now()).toBeCloseTo(7 * 86_400_000, -6);
    const folder = join(person.home, 'shop');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(folder)) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    expect(Object.values(files).sort()).toEqual(
      readdirSync(folder).map((file) => join(folder, file)),
    );
    const read = (name: string): string => readFileSync(files[name]!, 'utf8');
    expect(read('code')).toBe(`${activation!.activationCode}\n`);
    for (const script of [read('linux'), read('windows')]) {
      expect(script).toContain(activation!.activationId);
      expect(script).not.toContain(activation!.activationCode);
    }
    await expect(activateIntoFolder(api, request(), folder)).rejects.toThrow(
      refusal('DA_FILE_EXISTS', /./, 2),
    );
    expect(person.aws.sandbox.account.activations).toHaveLength(1);
  });

  it('makes no activation whose code would have no place', async () => {
    const plain = await nodes('activate', ...ROLE, '--json');
    expect([plain.code, plain.stdout]).toEqual([2, expect.stringContaining('--out')]);
    const file = join(person.home, 'file');
    writeFileSync(file, '');
    await expect(activateIntoFolder(api, request(), join(file, 'folder'))).rejects.toThrow(
      refusal('DA_FILE_NOT_WRITABLE'),
    );
    expect(person.aws.sandbox.account.activations).toEqual([]);
  });

  it('deletes the activation again when its code cannot be written', async () => {
    const folder = join(person.home, 'blocked');
    mkdirSync(folder);
    // No lock can be made here, which is found out when AWS has been asked.
    mkdirSync(join(folder, 'activation-code.devaccess.lock'));
    await expect(activateIntoFolder(api, request(), folder)).rejects.toThrow(
      refusal('DA_FILE_NOT_READABLE', /the activation \S+ was deleted again/),
    );
    expect(person.aws.sandbox.account.activations).toEqual([]);
    expect(existsSync(join(folder, 'activation-code'))).toBe(false);
  });

  it('says what is wrong with the role', async () => {
    for (const role of ['nobody', 'devaccess-admin']) {
      await expect(createActivation(api, request(role))).rejects.toThrow(refusal('DA_NODE_ROLE'));
    }
  });
});

describe('devaccess nodes install-script', () => {
  it('prints a script without asking AWS, for an activation made elsewhere', async () => {
    const id = '01234567-89ab-cdef-0123-456789abcdef';
    const { code, stdout } = await person.run(
      'devaccess',
      ['nodes', 'install-script', id, '--region', 'eu-west-3'],
      { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } },
    );
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^#!\/bin\/sh\n/);
    expect(stdout.toString()).toContain(id);
  });
});

describe('devaccess nodes list', () => {
  it('shows who is there, what runs, and what to do about it', async () => {
    const till = await machine('till', { Site: 'Berlin' }, { AgentVersion: '3.0.100.0' });
    const list = await nodesJson<NodeList>('list');
    expect(list).toMatchObject({
      code: 0,
      region: 'us-east-1',
      tier: 'advanced',
      tierAdvice: expect.stringContaining('charges') as string,
      notices: [],
    });
    const seen = new Map(list.nodes.map((node) => [node.name, node]));
    expect([...seen.keys()]).toEqual(['office-nas', 'till']);
    expect(seen.get('office-nas')).toMatchObject({ pingStatus: 'Online', agentAdvice: null });
    const node = seen.get('till');
    expect(node).toEqual<HybridNode>({
      instanceId: till.instanceId,
      name: 'till',
      computerName: 'till-1',
      pingStatus: 'Online',
      lastPingAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      silentSeconds: expect.any(Number) as number,
      agentVersion: '3.0.100.0',
      agentAdvice: expect.stringContaining('update its agent') as string,
      platform: 'Debian GNU/Linux 12',
      ipAddress: '192.0.2.7',
      iamRole: 'devaccess-hybrid-nodes',
      activationId: person.aws.sandbox.account.activations[0]!.activationId,
      registeredAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      tags: { Site: 'Berlin' },
    });
    const { stdout, stderr } = await nodes('list', '--tag', 'Site=Berlin');
    const [head, line, ...rest] = stdout.split('\n');
    expect(head).toMatch(/^NODE +NAME +PING +AGENT +PLATFORM +ROLE +ACTIVATION +TAGS$/);
    expect(line).toMatch(
      new RegExp(`^${till.instanceId} +till +Online +3.0.100.0 .* Site=Berlin$`),
    );
    expect(rest).toEqual(['']);
    expect(stderr).toContain(`till (${till.instanceId}): update its agent`);
  });

  it('lists all pages, nodes with all tags, and escapes what nodes say', async () => {
    await machine('a', { Site: 'Berlin', Role: 'till' }, { ComputerName: 'x\u001b[31m' });
    await machine('b', { Site: 'Berlin' });
    const { nodes: both } = await list({ Site: 'Berlin', Role: 'till' });
    expect(both.map(({ name }) => name)).toEqual(['a']);
    const { account } = person.aws.sandbox;
    const [nas] = account.nodes.filter(({ instanceId }) => instanceId.startsWith('mi-'));
    for (let count = 0; count < 120; count += 1) {
      const instanceId = `mi-${String(count).padStart(17, '0')}`;
      account.nodes.push({ ...nas!, instanceId, computerName: '\u001b]0;x\u0007' });
    }
    const { nodes: all } = await list({}, false);
    expect(all).toHaveLength(123);
    expect(all.every(({ tags }) => tags === null)).toBe(true);
    expect((await nodes('list', '--no-tags')).stdout).not.toMatch(/\u001b/);
  });

  it('goes on without what it may not read, and says so', async () => {
    deny('GetServiceSetting', 'ListTagsForResource');
    const { nodes: found, notices, tier, tierAdvice } = await list();
    expect([tier, tierAdvice]).toEqual([null, null]);
    expect(found.map(({ tags }) => tags)).toEqual([null]);
    expect(notices).toEqual([
      expect.stringContaining('GetServiceSetting'),
      expect.stringContaining('ListTagsForResource'),
    ]);
    deny('DescribeInstanceInformation');
    await expect(list()).rejects.toThrow(refusal('DA_ACCESS_DENIED'));
  });
});

describe('devaccess nodes deregister', () => {
  const exists = (id: string): boolean =>
    person.aws.sandbox.account.nodes.some(({ instanceId }) => instanceId === id);

  it('deregisters those named, and tells which are not there', async () => {
    const till = await machine('till');
    const result = await nodesJson<{ nodes: DeregisteredNode[] }>(
      ...['deregister', till.instanceId, NOWHERE, '--yes'],
    );
    expect(result).toEqual({
      code: 4,
      nodes: [
        { instanceId: till.instanceId, name: 'till', deregistered: true, error: null },
        {
          instanceId: NOWHERE,
          name: null,
          deregistered: false,
          error: expect.objectContaining({ code: 'DA_NODE_UNKNOWN' }) as object,
        },
      ],
    });
    expect(exists(till.instanceId)).toBe(false);
    const plan = planDeregistration(api, { ids: [till.instanceId], tags: [] }, Date.now());
    await expect(plan).rejects.toThrow(refusal('DA_NODE_UNKNOWN'));
  });

  it('shows those with a tag and asks, on the terminal alone', async () => {
    const one = await machine('one', { Site: 'Berlin' });
    const two = await machine('two', { Site: 'Berlin' });
    const other = await machine('other', { Site: 'Bonn' });
    const unasked = await nodes('deregister', '--tag', 'Site=Berlin');
    expect([unasked.code, unasked.stderr]).toEqual([3, expect.stringContaining('add --yes')]);
    const terminal = new PersonAtTerminal(person, { cols: 160, rows: 24 });
    const command = person.command('devaccess', ['nodes', 'deregister', '--tag', 'Site=Berlin']);
    terminal.type(`${command}; echo code $?\r`);
    expect(await terminal.sees('Deregister these 2 nodes in us-east-1? (y/N)')).toMatch(
      /one .*Online[^]*two .*Online/,
    );
    terminal.type('\r');
    await terminal.sees(/DA_CANCELLED[^]*code 1/);
    expect([one, two].every(({ instanceId }) => exists(instanceId))).toBe(true);
    terminal.type(`${command}; echo code $?\r`);
    await terminal.sees('(y/N)');
    terminal.type('y\r');
    await terminal.sees(/deregistered \S+ \(one\)[^]*\(two\)[^]*code 0/);
    terminal.leave();
    expect([one, two, other].map(({ instanceId }) => exists(instanceId))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('takes no id of another thing', async () => {
    for (const id of [person.bastionId, 'mi-1', '']) {
      const plan = planDeregistration(api, { ids: [id], tags: [] }, Date.now());
      await expect(plan).rejects.toThrow(refusal('DA_USAGE', /./, 2));
    }
  });

  it('tells of each node why it stays, and begins with none after Ctrl-C', async () => {
    const ids = [await machine('one'), await machine('two')].map(({ instanceId }) => instanceId);
    const plan = await planDeregistration(api, { ids, tags: [] }, Date.now());
    deny('DeregisterManagedInstance');
    const codes = async (signal: AbortSignal) =>
      (await deregisterNodes(api, plan, signal)).map(({ error }) => error?.code);
    expect(await codes(new AbortController().signal)).toEqual(Array(2).fill('DA_ACCESS_DENIED'));
    denyNothing();
    expect(await codes(AbortSignal.abort())).toEqual(Array(2).fill('DA_CANCELLED'));
    expect(ids.every(exists)).toBe(true);
  });
});

describe('devaccess nodes activations', () => {
  it('lists all, and deletes those named or those that are over', async () => {
    await machine('till', { Site: 'Berlin' });
    const { hybridNodes } = person.aws.sandbox;
    const make = (description: string, expiresAtMs: number): string =>
      hybridNodes.activate({
        region: 'us-east-1',
        iamRole: 'devaccess-hybrid-nodes',
        description,
        defaultInstanceName: undefined,
        registrationLimit: 5,
        expiresAtMs,
        tags: {},
      }).activationId;
    const over = make('over', Date.now() - 1);
    const open = make('open', Date.now() + 3_600_000);
    const listed = await listActivations(api);
    expect(
      listed.map(({ state, registrations, limit }) => [state, registrations, limit]).sort(),
    ).toEqual([
      ['expired', 0, 5],
      ['open', 0, 5],
      ['used up', 1, 1],
    ]);
    const closed = await nodes('activations', 'delete', '--closed');
    expect([closed.code, closed.stdout]).toEqual([0, expect.stringContaining(`deleted ${over}\n`)]);
    expect((await listActivations(api)).map(({ description }) => description)).toEqual(['open']);
    expect(await deleteActivations(api, [open, over])).toEqual([
      { activationId: open, deleted: true, error: null },
      {
        activationId: over,
        deleted: false,
        error: expect.objectContaining({ code: 'DA_ACTIVATION_UNKNOWN' }) as object,
      },
    ]);
    await expect(deleteActivations(api, ['x;y'])).rejects.toThrow(refusal('DA_USAGE', /./, 2));
  });
});

describe('sessions to nodes in the standard tier', () => {
  const explained =
    /outside EC2[^]*\[DA_ADVANCED_TIER\][^]*costs by the node[^]*update-service-setting/;

  it('are refused with the reason, and nobody switches the tier', async () => {
    const { hybridNodes } = person.aws.sandbox;
    const nas = person.instanceId('office-nas');
    const uname = await person.run('devaccess', ['run', nas, '--via', 'session', '--', 'echo hi']);
    expect([uname.code, uname.stdout.toString()]).toEqual([0, 'hi\n']);
    hybridNodes.setTier('us-east-1', 'standard');
    for (const [program, ...args] of [
      ['devaccess-proxy', '--target', nas, '--port', '22'],
      ['ssh', 'office-nas', 'true'],
      ['devaccess', 'shell', nas],
      ['devaccess', 'forward', nas, '0:22'],
      ['devaccess', 'run', nas, '--via', 'session', '--', 'echo hi'],
      ['devaccess', 'cp', 'office-nas:x', '.'],
    ] as [string, ...string[]][]) {
      const { code, stdout, stderr } = await person.run(program, args);
      expect([program, code === 0, stdout.toString()]).toEqual([program, false, '']);
      expect(stderr).toMatch(explained);
    }
    expect(hybridNodes.tier('us-east-1')).toBe('standard');
    expect((await nodes('list')).stderr).toMatch(/standard-instances tier is on.*refuses sessions/);
  });

  it('leave Run Command, which needs no tier, for a command', async () => {
    person.aws.sandbox.hybridNodes.setTier('us-east-1', 'standard');
    const nas = person.instanceId('office-nas');
    const { code, stdout, stderr } = await person.run('devaccess', ['run', nas, '--', 'echo hi']);
    expect([code, stdout.toString()]).toEqual([0, 'hi\n']);
    expect(stderr).toMatch(/advanced-instances tier is off.*going on with Run Command/);
  });
});
