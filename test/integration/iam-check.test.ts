import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { callerIdentity } from '../../src/aws/caller-identity.ts';
import { checkExitCode, checkIdentity } from '../../src/iam/check/check.ts';
import type { CheckWords, FeatureVerdict, IdentityCheck } from '../../src/iam/check/check.ts';
import { checkTable } from '../../src/iam/check/check-lines.ts';
import { callerPolicy } from '../../src/iam/generated-policy.ts';
import type { Feature } from '../../src/iam/policy/features.ts';
import { FEATURES } from '../../src/iam/policy/features.ts';
import { policyOf } from '../../src/sandbox/iam/stored-policy.ts';
import { ServiceError } from '../../src/sandbox/service-error.ts';
import { AccountHolder, role } from './support/account-holder.ts';

const ALICE = 'arn:aws:iam::123456789012:user/alice';
const SIMULATE = { Effect: 'Allow', Action: 'iam:SimulatePrincipalPolicy', Resource: '*' };
const WORDS: CheckWords = {
  as: undefined,
  features: [],
  regions: ['us-east-1'],
  tags: ['team=a'],
  targets: [],
  kmsKeys: [],
};

let alice: AccountHolder;
let hasSimulator = true;
beforeAll(async () => {
  alice = await AccountHolder.arrive({
    intercept: ({ operation }) =>
      operation === 'SimulatePrincipalPolicy' && !hasSimulator
        ? new ServiceError('InternalFailure', 'not implemented', 501)
        : undefined,
  });
  alice.sandbox.user.attachedPolicies.clear();
});
afterAll(() => alice.leave());
beforeEach(() => {
  vi.stubEnv('AWS_ENDPOINT_URL', alice.sandbox.endpoint);
  alice.sandbox.user.inlinePolicies.clear();
});
afterEach(() => vi.unstubAllEnvs());

/** The statements of the policy that devaccess makes for these. */
function generated(features: readonly Feature[]): object[] {
  const policy = callerPolicy({
    account: '123456789012',
    regions: ['us-east-1'],
    kind: 'user',
    name: 'devaccess',
    features,
    documents: [],
    tags: ['team=a'],
    targets: [],
    kmsKeys: [],
    osUser: undefined,
    trusted: [],
    mfaAgeS: 43_200,
    strict: false,
  });
  return policy.policies.flatMap(({ Statement }) => [...Statement]);
}

function give(...statements: object[]): void {
  alice.sandbox.user.inlinePolicies.set('given', policyOf(statements));
}

async function check(words: Partial<CheckWords> = {}, by = alice.sandbox.accessKey) {
  const { accessKeyId, secretAccessKey } = by;
  const client = {
    credentials: { accessKeyId, secretAccessKey },
    region: 'us-east-1',
    profile: undefined,
  };
  return checkIdentity({ ...WORDS, ...words }, client, await callerIdentity(client));
}

const verdictOf = ({ features }: IdentityCheck, wanted: Feature): FeatureVerdict =>
  features.find(({ feature }) => feature === wanted)!;
const verdicts = ({ features }: IdentityCheck): string[] =>
  features.map(
    ({ feature, withMfa, withoutMfa, asIs }) =>
      `${feature} ${withMfa ?? '-'} ${withoutMfa ?? '-'} ${asIs ?? '-'}`,
  );

describe('a check by simulation', () => {
  it('tells what the generated policy lets happen, with MFA and without', async () => {
    give(SIMULATE, ...generated(['ssh', 'forward', 'enroll-mfa']));
    const result = await check();
    expect(result).toMatchObject({ method: 'simulated', identity: { arn: ALICE, kind: 'user' } });
    expect(verdicts(result)).toEqual([
      'ssh yes no -',
      'forward yes no -',
      'remote-host no no -',
      'shell no no -',
      'run no no -',
      'run-command no no -',
      'trust no no -',
      'instance-connect no no -',
      'rotate-nodes no no -',
      'rotate-keys no no -',
      'enroll-mfa yes yes -',
    ]);
    expect(verdictOf(result, 'remote-host').missing).toEqual([
      {
        action: 'ssm:StartSession',
        resource: 'arn:aws:ssm:us-east-1::document/AWS-StartPortForwardingSessionToRemoteHost',
        why: 'not allowed',
      },
    ]);
    expect([checkExitCode(result), result.statements]).toEqual([0, []]);
    expect(checkTable(result).rows[2]).toEqual([
      'remote-host',
      'no',
      'no',
      'ssm:StartSession on document/AWS-StartPortForwardingSessionToRemoteHost',
    ]);
  });

  it('names statements that, added, are all that was missing', async () => {
    give(SIMULATE);
    const before = await check({ features: FEATURES });
    expect(checkExitCode(before)).toBe(1);
    give(SIMULATE, ...before.statements);
    const after = await check({ features: FEATURES });
    expect(after.features.map(({ feature, withMfa }) => [feature, withMfa])).toEqual(
      FEATURES.map((feature) => [feature, 'yes']),
    );
    expect(after.statements).toEqual([]);
  });

  it('tells a Deny from what is not allowed, and names no statement for it', async () => {
    const deny = { Effect: 'Deny', Action: 'ssmmessages:*', Resource: '*' };
    give(SIMULATE, ...generated(['ssh']), deny);
    const result = await check({ features: ['ssh'] });
    expect(verdictOf(result, 'ssh')).toMatchObject({
      withMfa: 'no',
      missing: [{ action: 'ssmmessages:OpenDataChannel', why: 'denied' }],
    });
    expect([checkExitCode(result), result.statements]).toEqual([1, []]);
  });

  it('takes sessions by user id as well, and other tags for other nodes', async () => {
    const byId = generated(['ssh']).map((statement) =>
      JSON.stringify(statement).includes('OpenDataChannel')
        ? { ...statement, Resource: 'arn:aws:ssm:*:*:session/${aws:userid}-*' }
        : statement,
    );
    give(SIMULATE, ...byId);
    expect(verdicts(await check({ features: ['ssh'] }))).toEqual(['ssh yes no -']);
    const other = await check({ features: ['ssh'], tags: ['team=b'] });
    expect(verdictOf(other, 'ssh').missing).toMatchObject([{ action: 'ssm:StartSession' }]);
  });

  it('is of somebody else, or of a role, for who may ask', async () => {
    give(...generated(['ssh']));
    const { administrator } = alice.sandbox;
    const user = await check({ as: 'alice', features: ['ssh'] }, administrator);
    expect(verdicts(user)).toEqual(['ssh yes no -']);
    const ofRole = await check({ as: 'role/devaccess-admin' }, administrator);
    expect(ofRole.identity).toEqual({
      arn: role('admin'),
      kind: 'role',
      name: 'devaccess-admin',
    });
    expect(ofRole.features.map(({ feature }) => feature)).not.toContain('rotate-keys');
    expect(verdictOf(ofRole, 'ssh')).toMatchObject({ withMfa: null, asIs: 'yes' });
    const nobody = check({ as: 'nobody' }, administrator);
    await expect(nobody).rejects.toMatchObject({ code: 'DA_IAM_NOT_FOUND' });
    const denied = check({ as: 'admin' });
    await expect(denied).rejects.toMatchObject({
      code: 'DA_ACCESS_DENIED',
      message: expect.stringContaining('iam:SimulatePrincipalPolicy') as unknown,
    });
    await expect(check({ as: 'a b' })).rejects.toMatchObject({ code: 'DA_USAGE' });
  });

  it('finds a role by its name, whose path its sessions do not tell', async () => {
    const { account, administrator } = alice.sandbox;
    const reader = account.roles.find(({ roleName }) => roleName === 'devaccess-reader')!;
    const sso = { ...reader, roleName: 'Ops', path: '/aws-reserved/sso.amazonaws.com/' };
    sso.arn = 'arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/Ops';
    account.roles.push(sso);
    const session = 'arn:aws:sts::123456789012:assumed-role/Ops/alice';
    for (const as of ['role/Ops', session]) {
      const { identity, method } = await check({ as, features: ['ssh'] }, administrator);
      expect([identity.arn, method]).toEqual([sso.arn, 'simulated']);
    }
    // Who may simulate, and may not look, is told what would help.
    give(SIMULATE);
    await expect(check({ as: 'role/Ops' })).rejects.toMatchObject({
      code: 'DA_IAM_NOT_FOUND',
      message: 'IAM has no role Ops without a path',
      next: expect.stringContaining('allow iam:GetRole') as unknown,
    });
    account.roles.pop();
  });
});

describe('a check by calls that change nothing', () => {
  it('tells what the present credentials may do, and what it cannot know', async () => {
    give(
      { Effect: 'Allow', Action: 'ssm:StartSession', Resource: '*', Condition: {} },
      {
        Effect: 'Deny',
        Action: 'ssm:StartSession',
        Resource: 'arn:aws:ssm:*::document/AWS-StartPort*',
      },
      { Effect: 'Allow', Action: ['ec2:DescribeInstances', 'ssm:Describe*'], Resource: '*' },
    );
    const result = await check({ tags: [] });
    expect(result.method).toBe('tried');
    expect(result.notices[1]).toContain('long-term keys, without MFA');
    expect(verdictOf(result, 'ssh')).toMatchObject({ withMfa: null, asIs: 'unknown' });
    expect(verdictOf(result, 'ssh').missing.map(({ action, why }) => `${action} ${why}`)).toEqual([
      'ssmmessages:OpenDataChannel unknown',
      'ssm:ResumeSession unknown',
      'ssm:TerminateSession unknown',
    ]);
    expect(verdictOf(result, 'forward')).toMatchObject({ asIs: 'no' });
    expect(checkExitCode(result)).toBe(1);
    expect(alice.sandbox.registry.list()).toEqual([]);
  });

  it('is made where something plays AWS and has no simulator', async () => {
    give({ Effect: 'Allow', Action: '*', Resource: '*' });
    hasSimulator = false;
    const result = await check();
    hasSimulator = true;
    expect(result.method).toBe('tried');
    expect(result.notices[0]).toContain('the simulator of IAM did not answer');
    expect(verdictOf(result, 'rotate-keys').missing).not.toContainEqual(
      expect.objectContaining({ action: 'iam:ListAccessKeys' }),
    );
  });
});

describe('devaccess iam check', () => {
  it('prints a table and what to add, and exits by what was asked for', async () => {
    alice.writeCredentials(alice.longTermSection('default'));
    give(SIMULATE, ...generated(['ssh', 'forward']));
    const run = (...args: string[]) => alice.run(['iam', 'check', '--tag', 'team=a', ...args]);
    const all = await run();
    expect(all.code).toBe(0);
    expect(all.stdout).toMatch(
      /^FEATURE +WITH MFA {2}WITHOUT {2}MISSING\nssh +yes +no\nforward +yes/m,
    );
    const shell = await run('--for', 'shell');
    expect(shell.code).toBe(1);
    expect(shell.stdout).toContain('"Sid": "SessionDocuments"');
    const json = await run('--for', 'ssh', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ method: 'simulated', regions: ['us-east-1'] });
  });
});
