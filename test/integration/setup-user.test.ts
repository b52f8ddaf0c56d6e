import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseIni, sectionValues } from '../../src/aws/files/ini-document.ts';
import { callerPolicy } from '../../src/iam/generated-policy.ts';
import { PendingKeys } from '../../src/iam/setup/pending-keys.ts';
import { applyPlan } from '../../src/iam/setup/apply-plan.ts';
import type { ApplyWorld } from '../../src/iam/setup/apply-plan.ts';
import { deviceResetPlan, setupPlan, undoPlan } from '../../src/iam/setup/setup-plan.ts';
import type { SetupPlan, SetupWords } from '../../src/iam/setup/setup-plan.ts';
import { DevaccessError } from '../../src/platform/errors.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { AccountHolder } from './support/account-holder.ts';

const BOUNDARY = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore';

const WORDS = {
  account: '123456789012',
  regions: ['us-east-1'],
  kind: 'user',
  name: 'devaccess',
  documents: [],
  tags: [],
  targets: [],
  kmsKeys: [],
  osUser: undefined,
  trusted: [],
  mfaAgeS: 43_200,
  strict: false,
} as const;

let alice: AccountHolder;
let pending: PendingKeys;
beforeAll(async () => {
  alice = await AccountHolder.arrive();
  const placeOf = (name: string) => ({ kind: 'file', name: join(alice.home, name) }) as const;
  pending = new PendingKeys(WORDS.account, placeOf, { HOME: alice.home });
});
afterAll(() => alice.leave());
beforeEach(() => {
  vi.stubEnv('AWS_ENDPOINT_URL', alice.sandbox.endpoint);
  const { accessKeyId, secretAccessKey } = alice.sandbox.administrator;
  alice.writeCredentials(
    `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  );
});
afterEach(() => {
  vi.unstubAllEnvs();
  const { account } = alice.sandbox;
  account.groups.splice(0);
  account.users.splice(2);
  alice.sandbox.user.groups.clear();
  alice.sandbox.user.tags.clear();
  account.users[1]!.inlinePolicies.delete('denied');
});

const user = (name: string) =>
  alice.sandbox.account.users.find(({ userName }) => userName === name);

function words(users: string[], change: Partial<SetupWords> = {}): SetupWords {
  const policy = callerPolicy({ ...WORDS, features: [] });
  return { users, policy, boundary: undefined, runAs: undefined, keys: undefined, ...change };
}

function admin() {
  const { accessKeyId, secretAccessKey } = alice.sandbox.administrator;
  return {
    credentials: { accessKeyId, secretAccessKey },
    region: 'us-east-1',
    profile: undefined,
  };
}

const plan = (...args: Parameters<typeof words>): Promise<SetupPlan> =>
  setupPlan(words(...args), admin());
const texts = ({ steps }: SetupPlan): string[] => steps.map(({ text }) => text);
const noKeys = () => Promise.reject(new Error('no key is to be made'));
const apply = (wanted: SetupPlan, handOver: ApplyWorld['handOver'] = noKeys): Promise<void> =>
  applyPlan(wanted, admin(), {
    handOver,
    pending,
    now: Date.now,
    done: () => undefined,
    wait: () => Promise.resolve(),
  });

/** What the sandbox does is done, and its answer to the first call of each of these does not arrive. */
async function losingAnswers(operations: string[], work: () => Promise<unknown>): Promise<void> {
  const left = new Set(operations);
  const lose = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      if (!left.delete(new URLSearchParams(body).get('Action') ?? '')) return;
      response.end = () => response.destroy();
    });
  };
  alice.sandbox.httpServer.prependListener('request', lose);
  await work().finally(() => alice.sandbox.httpServer.off('request', lose));
  expect([...left]).toEqual([]);
}

describe('setting up users', () => {
  it('is planned first, done once, and undone', async () => {
    const people = words(['bob', 'alice'], { boundary: BOUNDARY, runAs: 'ec2-user' });
    const first = await setupPlan(people, admin());
    expect(texts(first)).toEqual([
      'make the group devaccess',
      expect.stringMatching(/^give its policy devaccess: StartOnAllNodes, SessionDocuments/),
      `make the user bob (SSMSessionRunAs = ec2-user, boundary ${BOUNDARY})`,
      'add bob to the group devaccess',
      'tag alice: SSMSessionRunAs = ec2-user',
      `limit alice to ${BOUNDARY}`,
      'add alice to the group devaccess',
    ]);
    expect(first.notices).toContainEqual(expect.stringMatching(/does not restrict ssh and ports/));
    expect(first.notices).toContainEqual(expect.stringMatching(/nobody enrol a device/));
    expect(user('bob')).toBeUndefined();
    await apply(first);
    expect([...user('bob')!.groups].map(({ groupName }) => groupName)).toEqual(['devaccess']);
    expect(user('bob')!.permissionsBoundary?.arn).toBe(BOUNDARY);
    expect(user('alice')!.tags.get('SSMSessionRunAs')).toBe('ec2-user');
    expect(texts(await setupPlan(people, admin()))).toEqual([]);

    const back = await undoPlan(people, admin());
    expect(texts(back)).toEqual([
      'take bob out of the group devaccess',
      'delete the user bob',
      'take alice out of the group devaccess',
      'delete the policy of the group devaccess',
      'delete the group devaccess',
    ]);
    expect(back.notices).toEqual([expect.stringContaining('alice was not made for devaccess')]);
    await apply(back);
    expect([user('bob'), alice.sandbox.account.groups]).toEqual([undefined, []]);
    expect(user('alice')).toBeDefined();
    expect(texts(await undoPlan(people, admin()))).toEqual([]);
    user('alice')!.permissionsBoundary = undefined;
  });

  it('brings a group up to date, and leaves one that others are in', async () => {
    await apply(await plan(['bob', 'carol']));
    const shells = callerPolicy({ ...WORDS, features: ['shell'] });
    const changed = await plan(['bob'], { policy: shells });
    expect(texts(changed)).toEqual([
      expect.stringMatching(/^replace its policy devaccess: .*NoRunAs/),
    ]);
    const back = await undoPlan(words(['bob']), admin());
    expect(texts(back)).not.toContain('delete the group devaccess');
    expect(back.notices).toEqual(['the group devaccess stays: 1 others are in it']);
  });

  it('goes on where it was stopped, and says which permission is missing', async () => {
    const denied = policyOf([{ Effect: 'Deny', Action: 'iam:AddUserToGroup', Resource: '*' }]);
    alice.sandbox.account.users[1]!.inlinePolicies.set('denied', denied);
    const error = await apply(await plan(['bob'])).then(
      () => undefined,
      (reason: unknown) => reason as DevaccessError,
    );
    expect(error).toMatchObject({
      code: 'DA_ACCESS_DENIED',
      message: expect.stringMatching(
        /^Could not add bob to the group devaccess: .*iam:AddUser/,
      ) as unknown,
    });
    alice.sandbox.account.users[1]!.inlinePolicies.delete('denied');
    const rest = await plan(['bob']);
    expect(texts(rest)).toEqual(['add bob to the group devaccess']);
    await apply(rest);
    expect(texts(await plan(['bob']))).toEqual([]);
  });

  it('does nothing twice where answers are lost, and leaves no key that nobody has', async () => {
    const wanted = await plan(['bob'], { keys: pending });
    let handedOver = '';
    const handOver: ApplyWorld['handOver'] = (_user, { accessKeyId }) => {
      handedOver = accessKeyId;
      return Promise.resolve('');
    };
    await losingAnswers(['CreateGroup', 'CreateUser', 'CreateAccessKey'], () =>
      apply(wanted, handOver),
    );
    expect(user('bob')!.accessKeys.map(({ accessKeyId }) => accessKeyId)).toEqual([handedOver]);
    const again = await plan(['bob'], { keys: pending });
    expect(texts(again)).toEqual([]);
    expect(again.notices.at(-1)).toMatch(
      new RegExp(`^bob has the access key …${handedOver.slice(-4)} of 20.* none is made`),
    );
    // Of a run that was stopped between taking a device away and deleting it.
    const left = 'arn:aws:iam::123456789012:mfa/bob';
    const others = alice.sandbox.mfaDevice;
    alice.sandbox.account.unassignedDevices.push(
      { ...others, serialNumber: left },
      { ...others, serialNumber: `${left}-2` },
    );
    const back = await undoPlan(words(['bob']), admin());
    expect(texts(back)).toContain(`delete the MFA device ${left}, which is assigned to nobody`);
    await losingAnswers(
      ['RemoveUserFromGroup', 'DeleteAccessKey', 'DeleteUser', 'DeleteGroupPolicy', 'DeleteGroup'],
      () => apply(back),
    );
    expect([user('bob'), alice.sandbox.account.groups]).toEqual([undefined, []]);
    expect(alice.sandbox.account.unassignedDevices.splice(0)).toMatchObject([
      { serialNumber: `${left}-2` },
    ]);
  });

  it('takes the devices of a lost phone away, and nothing else', async () => {
    const { mfaDevices } = alice.sandbox.user;
    const [device] = mfaDevices;
    const reset = await deviceResetPlan(words(['alice']), admin());
    expect(texts(reset)).toEqual([
      `take the MFA device ${device!.serialNumber} from alice`,
      'delete it',
    ]);
    expect(reset.notices).toContainEqual(expect.stringContaining('stay good until they end'));
    await apply(reset);
    expect(alice.sandbox.account.unassignedDevices).toEqual([]);
    expect(mfaDevices).toEqual([]);
    expect(texts(await deviceResetPlan(words(['alice']), admin()))).toEqual([]);
    await expect(deviceResetPlan(words(['nobody']), admin())).rejects.toMatchObject({
      code: 'DA_IAM_NOT_FOUND',
    });
    mfaDevices.push(device!);
  });

  it('deletes a key that could not be handed over', async () => {
    const lost = new DevaccessError('DA_DISK_FULL', 'no space');
    const wanted = await plan(['bob'], { keys: pending });
    await expect(apply(wanted, () => Promise.reject(lost))).rejects.toMatchObject({
      code: 'DA_DISK_FULL',
    });
    expect(user('bob')!.accessKeys).toEqual([]);
    expect(pending.since('bob')).toBeUndefined();
  });

  it('replaces a key that a killed run has left, and none that was handed over', async () => {
    await apply(await plan(['bob']));
    const { accessKeys } = user('bob')!;
    const key = (accessKeyId: string, createdAtMs: number) =>
      ({ accessKeyId, secretAccessKey: 's', createdAtMs, status: 'Active' }) as const;
    accessKeys.push(key('AKIA00000000000LOST', Date.now()));
    accessKeys.push(key('AKIA00000000000LATE', Date.now() + 3_600_000));
    await pending.note('bob', Date.now());
    const file = join(alice.home, 'bob');
    writeFileSync(file, '');
    expect(texts(await plan(['bob'], { keys: pending }))).toEqual([]);
    rmSync(file);
    expect(texts(await plan(['bob'], { keys: pending }))).toEqual([
      'delete the access key …LOST of bob, whose secret was lost on the way',
    ]);
    accessKeys.pop();
    expect(texts(await plan(['bob'], { keys: pending }))).toEqual([
      'delete the access key …LOST of bob, whose secret was lost on the way',
      'make an access key for bob, and hand it over once',
    ]);
    pending.drop('bob');
    expect(texts(await plan(['bob'], { keys: pending }))).toEqual([]);
  });

  it.each([
    [['a b'], {}],
    [['bob', 'Bob'], {}],
    [['bob'], { runAs: 'root' }],
    [['bob'], { runAs: 'a b' }],
    [['bob'], { boundary: 'AdministratorAccess' }],
  ])('refuses %j %j', async (users, change) => {
    await expect(plan(users, change)).rejects.toMatchObject({ code: 'DA_USAGE' });
  });
});

describe('devaccess iam setup-user', () => {
  const run = (...args: string[]) => alice.run(['iam', 'setup-user', ...args]);

  it('hands over a key once, in a file that only its owner reads', async () => {
    const folder = join(alice.home, 'handover');
    mkdirSync(folder);
    const shown = await run('bob', 'carol', '--keys', folder);
    expect([shown.code, user('bob')]).toEqual([0, undefined]);
    expect(shown.stdout).toContain('would make an access key for bob, and hand it over once\n');
    // Who has a key and no device comes to one.
    expect(shown.stdout).toMatch(/its policy devaccess: .*OwnKeys, FirstDevice, OwnDevice/);
    expect(shown.stderr).not.toContain('enrol a device');
    const done = await run('bob', 'carol', '--keys', folder, '--apply', '--json');
    const result = JSON.parse(done.stdout) as { keys: Record<string, string>; isApplied: boolean };
    const path = join(folder, 'bob.credentials');
    expect([result.isApplied, result.keys['bob']]).toEqual([true, path]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const values = sectionValues(parseIni(readFileSync(path, 'utf8')), 'default-long-term')!;
    const secretAccessKey = values.get('aws_secret_access_key')!;
    expect(`${done.stdout}${done.stderr}`).not.toContain(secretAccessKey);
    const sts = new STSClient({
      endpoint: alice.sandbox.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: values.get('aws_access_key_id')!, secretAccessKey },
    });
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe('arn:aws:iam::123456789012:user/bob');
    expect((await run('bob', 'carol', '--keys', folder)).stdout).toBe('Nothing is to be done\n');
    const back = await run('bob', 'carol', '--undo', '--apply');
    expect(back.code).toBe(0);
    expect([user('bob'), user('carol'), alice.sandbox.account.groups]).toEqual([
      undefined,
      undefined,
      [],
    ]);
  });

  it('makes no key where its file is there already', async () => {
    writeFileSync(join(alice.home, 'dan.credentials'), 'of somebody');
    const refused = await run('dan', '--keys', alice.home, '--apply');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('DA_FILE_EXISTS')]);
    expect(user('dan')).toBeUndefined();
  });
});
