import { describe, expect, it } from 'vitest';
import { callerPolicy, nodePolicy, oneDocument } from '../../../src/iam/generated-policy.ts';
import type { GeneratedPolicy } from '../../../src/iam/generated-policy.ts';
import type { AccessWords } from '../../../src/iam/policy/access-request.ts';
import { FEATURES } from '../../../src/iam/policy/features.ts';
import type { PolicyStatement } from '../../../src/iam/policy/policy-document.ts';

const WORDS: AccessWords = {
  account: '123456789012',
  regions: ['eu-central-1'],
  kind: 'user',
  name: 'devaccess',
  features: [],
  documents: [],
  tags: ['ssh-access=team-a'],
  targets: [],
  kmsKeys: [],
  osUser: undefined,
  trusted: [],
  mfaAgeS: 43_200,
  strict: false,
};

function statement(policy: GeneratedPolicy, sid: string): PolicyStatement | undefined {
  return policy.statements.find((each) => each.statement.Sid === sid)?.statement;
}

function sids(policy: GeneratedPolicy): string[] {
  return policy.statements.map((each) => each.statement.Sid);
}

function resources(policy: GeneratedPolicy, sid: string): string[] {
  return [statement(policy, sid)?.Resource ?? []].flat();
}

describe('the policy of a user', () => {
  it('is that of the main job and of ports, and nothing else', () => {
    const policy = callerPolicy(WORDS);
    expect(sids(policy)).toEqual([
      'StartOnTaggedNodes',
      'SessionDocuments',
      'OwnDataChannel',
      'OwnSessions',
      'OwnSessionsByName',
      'Discover',
      'HybridTags',
      'NoPreferenceChanges',
    ]);
    expect(resources(policy, 'HybridTags')).toEqual([
      'arn:aws:ssm:eu-central-1:123456789012:managed-instance/*',
    ]);
    expect(statement(policy, 'StartOnTaggedNodes')).toEqual({
      Sid: 'StartOnTaggedNodes',
      Effect: 'Allow',
      Action: 'ssm:StartSession',
      Resource: [
        'arn:aws:ec2:eu-central-1:123456789012:instance/*',
        'arn:aws:ssm:eu-central-1:123456789012:managed-instance/*',
      ],
      Condition: {
        StringEquals: { 'ssm:resourceTag/ssh-access': ['team-a'] },
        Bool: { 'aws:MultiFactorAuthPresent': 'true' },
        NumericLessThan: { 'aws:MultiFactorAuthAge': '43200' },
        BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'true' },
      },
    });
    expect(statement(policy, 'SessionDocuments')).toMatchObject({
      Resource: [
        'arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession',
        'arn:aws:ssm:eu-central-1::document/AWS-StartPortForwardingSession',
      ],
      Condition: {
        Bool: { 'aws:MultiFactorAuthPresent': 'true' },
        BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'true' },
      },
    });
    // Tags of nodes are not those of documents.
    expect(statement(policy, 'SessionDocuments')?.Condition).not.toHaveProperty('StringEquals');
    expect(statement(policy, 'OwnSessions')?.Condition).toEqual({
      StringLike: { 'ssm:resourceTag/aws:ssmmessages:session-id': ['${aws:userid}'] },
    });
    expect(policy.policies).toEqual([oneDocument(policy, 'permissions', undefined)]);
  });

  it('reaches other hosts, shells and Run Command only on request', () => {
    expect(JSON.stringify(callerPolicy(WORDS))).not.toMatch(
      /ToRemoteHost|RunShellScript|SendCommand/,
    );
    const all = callerPolicy({ ...WORDS, features: FEATURES });
    expect(resources(all, 'SessionDocuments')).toContain(
      'arn:aws:ssm:eu-central-1::document/AWS-StartPortForwardingSessionToRemoteHost',
    );
    // The account's own document is under its account, those of AWS under none.
    expect(resources(all, 'SessionDocuments')).toContain(
      'arn:aws:ssm:eu-central-1:123456789012:document/SSM-SessionManagerRunShell',
    );
    expect(resources(all, 'SendShellScripts')).toEqual([
      'arn:aws:ssm:eu-central-1::document/AWS-RunShellScript',
    ]);
    expect(statement(all, 'NoRunAsChanges')?.Effect).toBe('Deny');
    // hosts trust asks for the results of many nodes at a time; run does not.
    expect(statement(all, 'CommandResults')?.Action).toContain('ssm:ListCommandInvocations');
    const runs = callerPolicy({ ...WORDS, features: ['run-command'] });
    expect(JSON.stringify(runs)).not.toContain('ListCommandInvocations');
  });

  it.each([
    ['cn-north-1', 'aws-cn'],
    ['us-gov-west-1', 'aws-us-gov'],
    ['us-iso-east-1', 'aws-iso'],
    ['us-isob-east-1', 'aws-iso-b'],
    ['eusc-de-east-1', 'aws-eusc'],
    ['ap-southeast-5', 'aws'],
  ])('of %s has ARNs of %s throughout', (region, partition) => {
    const policy = callerPolicy({ ...WORDS, regions: [region], features: FEATURES });
    const arns = JSON.stringify(policy.policies).match(/arn:[^:]+:/g) ?? [];
    expect(new Set(arns)).toEqual(new Set([`arn:${partition}:`]));
  });

  it('narrows the stream and leaves names out where it is strict', () => {
    const policy = callerPolicy({ ...WORDS, strict: true });
    expect(resources(policy, 'OwnDataChannel')).toEqual([
      'arn:aws:ssm:eu-central-1:123456789012:session/${aws:userid}-*',
    ]);
    expect(sids(policy)).not.toContain('OwnSessionsByName');
    expect(statement(policy, 'Discover')?.Condition).toEqual({
      StringEquals: { 'aws:RequestedRegion': ['eu-central-1'] },
    });
  });

  it('joins tags and named nodes; values of one tag are alternatives', () => {
    const policy = callerPolicy({
      ...WORDS,
      tags: ['team=a', 'team=b', 'stage=test'],
      targets: ['i-0123456789abcdef0', 'mi-0123456789abcdef0'],
    });
    expect(statement(policy, 'StartOnTaggedNodes')?.Condition?.['StringEquals']).toEqual({
      'ssm:resourceTag/team': ['a', 'b'],
      'ssm:resourceTag/stage': ['test'],
    });
    expect(resources(policy, 'StartOnNamedNodes')).toEqual([
      'arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0',
      'arn:aws:ssm:eu-central-1:123456789012:managed-instance/mi-0123456789abcdef0',
    ]);
    expect(statement(policy, 'StartOnNamedNodes')?.Condition).not.toHaveProperty('StringEquals');
  });

  it('warns where every node may be reached', () => {
    expect(callerPolicy({ ...WORDS, tags: [] }).notices.join()).toContain('every node');
    expect(callerPolicy(WORDS).notices).toEqual([]);
  });

  it('takes the documents that are named instead of the usual ones, wherever their ARN puts them', () => {
    const policy = callerPolicy({
      ...WORDS,
      documents: [
        'Team-Shell',
        'arn:aws:ssm:eu-central-1:123456789012:document/AWS-StartSSHSession',
        'arn:aws:ssm:eu-central-1:999999999999:document/Shared-Shell',
      ],
    });
    expect(resources(policy, 'SessionDocuments')).toEqual([
      'arn:aws:ssm:eu-central-1:123456789012:document/Team-Shell',
      'arn:aws:ssm:eu-central-1::document/AWS-StartSSHSession',
      'arn:aws:ssm:eu-central-1:999999999999:document/Shared-Shell',
    ]);
    // Who may write a document that others start sessions with decides what these do.
    expect(resources(policy, 'NoPreferenceChanges')).toEqual([
      'arn:aws:ssm:*:123456789012:document/SSM-SessionManagerRunShell',
      'arn:aws:ssm:*:123456789012:document/Team-Shell',
    ]);
  });

  it('lets a first device be enrolled without MFA, of the name of the user alone; keys with MFA', () => {
    const policy = callerPolicy({ ...WORDS, features: ['rotate-keys', 'enroll-mfa'] });
    expect(statement(policy, 'OwnKeys')?.Condition).toMatchObject({
      Bool: { 'aws:MultiFactorAuthPresent': 'true' },
    });
    expect(statement(policy, 'FirstDevice')?.Condition).toBeUndefined();
    expect(resources(policy, 'FirstDevice')).toEqual([
      'arn:aws:iam::123456789012:mfa/${aws:username}',
      'arn:aws:iam::123456789012:user/${aws:username}',
    ]);
    expect(sids(policy)).not.toContain('StartOnTaggedNodes');
  });

  it('pushes keys to EC2 instances for one user, by the tags that service knows', () => {
    const policy = callerPolicy({
      ...WORDS,
      features: ['instance-connect'],
      osUser: 'ec2-user',
      targets: ['mi-0123456789abcdef0'],
    });
    expect(sids(policy)).toEqual(['PushKeysToTaggedNodes']);
    expect(statement(policy, 'PushKeysToTaggedNodes')).toMatchObject({
      Resource: ['arn:aws:ec2:eu-central-1:123456789012:instance/*'],
      Condition: {
        StringEquals: { 'aws:ResourceTag/ssh-access': ['team-a'], 'ec2:osuser': 'ec2-user' },
      },
    });
  });
});

describe('the policy of a role', () => {
  it('asks for MFA in the trust policy alone', () => {
    const policy = callerPolicy({
      ...WORDS,
      kind: 'role',
      name: 'ssh',
      features: FEATURES.slice(0, 6),
    });
    expect(JSON.stringify(policy.policies)).not.toContain('MultiFactorAuth');
    expect(JSON.stringify(policy.policies)).not.toContain('aws:username');
    expect(policy.trustPolicy?.Statement).toEqual([
      {
        Sid: 'AssumeWithMfa',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::123456789012:root' },
        Action: 'sts:AssumeRole',
        Condition: {
          Bool: { 'aws:MultiFactorAuthPresent': 'true' },
          NumericLessThan: { 'aws:MultiFactorAuthAge': '43200' },
        },
      },
    ]);
    expect(oneDocument(policy, 'assume', undefined).Statement[0]?.Resource).toBe(
      'arn:aws:iam::123456789012:role/ssh',
    );
  });

  it('trusts the users that are named, and no role', () => {
    const users = [
      'arn:aws:iam::123456789012:user/alice',
      'arn:aws:iam::123456789012:user/team/bob',
    ];
    const policy = callerPolicy({ ...WORDS, kind: 'role', trusted: users });
    expect(policy.trustPolicy?.Statement[0]?.Principal).toEqual({ AWS: users });
    const trusted = ['arn:aws:iam::123456789012:role/admin'];
    expect(() => callerPolicy({ ...WORDS, kind: 'role', trusted })).toThrow(/carry no MFA/);
  });
});

describe('the policy of an instance', () => {
  const words = { ...WORDS, managed: false, features: ['run-command'] };

  it('has what the agent calls, and for old agents what Run Command calls', () => {
    const policy = nodePolicy(words);
    expect(sids(policy)).toEqual(['SessionManagerAgent', 'RunCommandAgent', 'Ec2Assumes']);
    expect(JSON.stringify(policy.policies)).not.toContain('GetParameter');
    expect(sids(nodePolicy({ ...words, features: [] }))).not.toContain('RunCommandAgent');
    const advice = policy.securityGroups.find(
      ({ of, direction }) => of === 'bastion' && direction === 'inbound',
    );
    expect(advice?.ports).toBe('none');
  });

  it("is AWS's own on request, in the partition of the region", () => {
    const policy = nodePolicy({ ...words, managed: true, regions: ['cn-north-1'] });
    expect(policy.managedPolicyArns).toEqual([
      'arn:aws-cn:iam::aws:policy/AmazonSSMManagedInstanceCore',
    ]);
    expect(() => oneDocument(policy, 'permissions', undefined)).toThrow(/no policy of your own/);
    expect(oneDocument(policy, 'trust', undefined).Statement[0]?.Principal).toEqual({
      Service: 'ec2.amazonaws.com',
    });
  });

  it('decrypts with the keys of sessions', () => {
    const kmsKeys = [
      'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    ];
    expect(statement(nodePolicy({ ...words, kmsKeys }), 'SessionKeys')).toMatchObject({
      Action: 'kms:Decrypt',
      Resource: kmsKeys,
    });
  });
});

it('takes any value of a tag that a policy can hold for itself', () => {
  const value = 'R&D ("web", it\'s) 50% ${aws:username}*';
  const policy = callerPolicy({ ...WORDS, tags: [`team=${value}`] });
  expect(policy.policies[0]?.Statement[0]?.Condition?.['StringEquals']).toEqual({
    'ssm:resourceTag/team': ['R&D ("web", it\'s) 50% ${$}{aws:username}*'],
  });
  expect(policy.notices).toEqual([expect.stringContaining('no wildcards')]);
});

describe('what a policy is not made for', () => {
  const key = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';

  it.each<[string, Partial<AccessWords>, RegExp]>([
    ['an account of eleven digits', { account: '12345678901' }, /twelve digits|not an AWS account/],
    ['no region', { regions: ['frankfurt'] }, /not an AWS region/],
    ['a pattern for a region', { regions: ['*'] }, /not an AWS region/],
    [
      'regions of two partitions',
      { regions: ['eu-central-1', 'cn-north-1'] },
      /no account in common/,
    ],
    ['a tag without value', { tags: ['team'] }, /not a tag/],
    ['a reference of CloudFormation in a tag', { tags: ['a={{resolve:ssm:x}}'] }, /cannot be in a/],
    ['a quote in a key', { tags: ['te"am=a'] }, /cannot be in a policy/],
    ['a line break', { tags: ['team=a\nb'] }, /cannot be in a policy/],
    ['letters beyond Latin-1', { tags: ['team=東京'] }, /cannot be in a policy/],
    ['keys that IAM takes for one', { tags: ['Team=a', 'team=b'] }, /cannot tell/],
    ['a key that is too long', { tags: [`${'k'.repeat(129)}=a`] }, /longer than AWS allows/],
    ['a node that is none', { targets: ['i-*'] }, /not the id of a node/],
    ['a document by pattern', { documents: ['AWS-Start*'] }, /not a document/],
    ['a document of Run Command', { documents: ['AWS-RunShellScript'] }, /no Session document/],
    ['an alias of a key', { kmsKeys: ['alias/sessions'] }, /not the ARN of a KMS key/],
    [
      'a key of another region',
      { kmsKeys: [key.replace('eu-central-1', 'us-east-1')] },
      /none of the/,
    ],
    ['a key of another partition', { kmsKeys: [key.replace('aws', 'aws-cn')] }, /not in aws/],
    [
      'a user that is none',
      { features: ['instance-connect'], osUser: 'root;id' },
      /not the name of/,
    ],
    ['a user for ssh', { osUser: 'ec2-user' }, /which user people log in as/],
    ['a name that IAM refuses', { name: 'dev access' }, /cannot be a name/],
    ['a role name of 65 letters', { kind: 'role', name: 'r'.repeat(65) }, /cannot be a name/],
    ['keys of a role', { kind: 'role', features: ['rotate-keys'] }, /no access keys/],
    ['everybody as a principal', { kind: 'role', trusted: ['*'] }, /nobody to trust/],
    ['an MFA code of two days', { mfaAgeS: 172_800 }, /out of range/],
  ])('%s', (_, words, message) => {
    expect(() => callerPolicy({ ...WORDS, ...words })).toThrow(message);
    expect(() => callerPolicy({ ...WORDS, ...words })).toThrow(
      expect.objectContaining({ code: 'DA_USAGE', exitCode: 2 }),
    );
  });
});

describe('the length of a policy', () => {
  const REGIONS = ['eu', 'us', 'ap', 'sa', 'ca', 'me'].flatMap((where) =>
    ['north', 'south', 'east', 'west', 'central'].map((side) => `${where}-${side}-1`),
  );

  it('says where it fits', () => {
    const { size } = callerPolicy({ ...WORDS, features: FEATURES });
    expect(size.fits).toMatchObject({ managed: true, 'inline of a user': false });
  });

  it('is spread over several policies that say the same', () => {
    const policy = callerPolicy({ ...WORDS, regions: REGIONS, features: FEATURES });
    expect(policy.policies.length).toBeGreaterThan(2);
    for (const part of policy.policies) {
      expect(JSON.stringify(part).length).toBeLessThanOrEqual(6_144);
    }
    const all = policy.policies.flatMap(({ Statement }) => Statement);
    expect(new Set(all.map(({ Sid }) => Sid)).size).toBe(all.length);
    const arns = (from: readonly PolicyStatement[]) =>
      from.flatMap(({ Action, Resource = [] }) =>
        [Resource].flat().map((arn) => `${[Action].flat().join()} ${arn}`),
      );
    const whole = policy.statements.map((each) => each.statement);
    expect(arns(all).sort()).toEqual(arns(whole).sort());
    expect(() => oneDocument(policy, 'permissions', undefined)).toThrow(/--part|6144/);
    expect(oneDocument(policy, 'permissions', 2)).toBe(policy.policies[1]);
    expect(() => oneDocument(policy, 'permissions', 99)).toThrow(/no part 99/);
  });

  it('is refused where that would be more than IAM attaches', () => {
    const targets = Array.from({ length: 60 }, (_, n) => `i-${String(n).padStart(17, '0')}`);
    expect(() => callerPolicy({ ...WORDS, regions: REGIONS, targets })).toThrow(
      expect.objectContaining({ code: 'DA_POLICY_SIZE' }),
    );
  });
});
