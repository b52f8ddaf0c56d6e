import { describe, expect, it } from 'vitest';
import { contextKeys, evaluate } from '../../../../src/sandbox/iam-policy/evaluate.ts';
import type { PolicySet, PolicySource } from '../../../../src/sandbox/iam-policy/evaluate.ts';
import { parsePolicy } from '../../../../src/sandbox/iam-policy/policy-document.ts';
import type { PolicyKind } from '../../../../src/sandbox/iam-policy/policy-document.ts';
import { RequestContext } from '../../../../src/sandbox/iam-policy/request-context.ts';
import type { ContextValue } from '../../../../src/sandbox/iam-policy/request-context.ts';

const ACCOUNT = '123456789012';
const INSTANCE = `arn:aws:ec2:eu-west-1:${ACCOUNT}:instance/i-1`;
const SSH_DOCUMENT = 'arn:aws:ssm:eu-west-1::document/AWS-StartSSHSession';

const source = (statements: object | object[], kind: PolicyKind = 'identity'): PolicySource => ({
  id: 'p',
  type: 'user',
  policy: parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), kind),
});
const allow = (more: object = {}) => ({ Effect: 'Allow', Action: '*', Resource: '*', ...more });
const deny = (more: object = {}) => ({ ...allow(more), Effect: 'Deny' });

function decide(
  policies: PolicySet | object[],
  [action, resource]: [string, string],
  context: Record<string, ContextValue> = {},
) {
  const set = Array.isArray(policies) ? { identity: [source(policies)] } : policies;
  return evaluate(set, { action, resource, context: RequestContext.of(context) });
}

const start: [string, string] = ['ssm:StartSession', INSTANCE];

describe('the policy evaluation', () => {
  it('denies by default, allows by a statement, and denies by any other', () => {
    expect(decide({ identity: [] }, start)).toMatchObject({
      decision: 'implicitDeny',
      deniedBy: 'identity',
      matched: [],
    });
    expect(decide([allow()], start).decision).toBe('allowed');
    const both = decide([allow(), deny({ Sid: 'No', Action: 'ssm:Start*' })], start);
    expect(both).toMatchObject({ decision: 'explicitDeny', deniedBy: 'identity' });
    expect(both.matched.map(({ statement }) => statement.sid)).toEqual(['No']);
  });

  it.each<[object, [string, string], boolean]>([
    [{ Action: 'ssm:startsession' }, start, true],
    [{ Action: 'SSM:Start*' }, start, true],
    [{ Action: 'ssm:Start?ession' }, start, true],
    [{ Action: 'ec2:*' }, start, false],
    [{ Action: ['ec2:*', 'ssm:*'] }, start, true],
    [{ Action: undefined, NotAction: 'iam:*' }, start, true],
    [{ Action: undefined, NotAction: ['iam:*', 'ssm:*'] }, start, false],
    [{ Resource: `arn:aws:ec2:eu-west-1:${ACCOUNT}:instance/*` }, start, true],
    [{ Resource: 'arn:aws:ec2:*:*:instance/*' }, start, true],
    [{ Resource: 'arn:aws:ec2:us-east-1:*:instance/*' }, start, false],
    [{ Resource: 'arn:aws:ec2:eu-west-1:*:Instance/*' }, start, false],
    // A wildcard stays in its field; fields left out fit.
    [{ Resource: 'arn:aws:ec2:*/i-1' }, start, false],
    [{ Resource: 'arn:aws:ec2' }, start, true],
    [{ Resource: undefined, NotResource: 'arn:aws:ec2:*:*:instance/i-2' }, start, true],
    [{ Resource: undefined, NotResource: 'arn:aws:ec2:*:*:instance/*' }, start, false],
    // Documents of AWS have an empty account.
    [{ Resource: 'arn:aws:ssm:*::document/AWS-StartSSHSession' }, [start[0], SSH_DOCUMENT], true],
    [{ Resource: 'arn:aws:ssm:*:*:document/AWS-*' }, [start[0], SSH_DOCUMENT], true],
    [
      { Resource: `arn:aws:ssm:*:${ACCOUNT}:document/AWS-StartSSHSession` },
      [start[0], SSH_DOCUMENT],
      false,
    ],
    // What knows no resources is allowed on all of them only.
    [{ Resource: 'arn:aws:ec2:*:*:instance/*' }, ['ec2:DescribeInstances', '*'], false],
    [{ Resource: '*' }, ['ec2:DescribeInstances', '*'], true],
  ])('%j for %j: %s', (more, request, expected) => {
    expect(decide([allow(more)], request).decision).toBe(expected ? 'allowed' : 'implicitDeny');
  });

  it('needs every condition of a statement, and one value of each', () => {
    const policy = [
      allow({
        Condition: {
          StringEquals: {
            'ssm:resourceTag/env': ['dev', 'test'],
            'aws:RequestedRegion': 'eu-west-1',
          },
          Bool: { 'aws:MultiFactorAuthPresent': 'true' },
        },
      }),
    ];
    const context = {
      'ssm:resourceTag/env': 'test',
      'aws:RequestedRegion': 'eu-west-1',
      'aws:MultiFactorAuthPresent': true,
    };
    expect(decide(policy, start, context).decision).toBe('allowed');
    for (const key of Object.keys(context)) {
      const { decision, missingKeys } = decide(policy, start, { ...context, [key]: undefined });
      expect([decision, missingKeys]).toEqual(['implicitDeny', [key]]);
    }
  });

  describe('of multi-factor authentication', () => {
    const longTerm = {};
    const withoutCode = { 'aws:MultiFactorAuthPresent': false };
    const withCode = { 'aws:MultiFactorAuthPresent': true, 'aws:MultiFactorAuthAge': 60 };
    const stale = { 'aws:MultiFactorAuthPresent': true, 'aws:MultiFactorAuthAge': 50_000 };
    const mfa = (operator: string, value: string) => ({
      Condition: { [operator]: { 'aws:MultiFactorAuthPresent': value } },
    });
    const fresh = {
      Condition: { NumericLessThan: { 'aws:MultiFactorAuthAge': '43200' } },
    };
    it.each<[string, object[], [boolean, boolean, boolean, boolean]]>([
      ['Allow with Bool', [allow(mfa('Bool', 'true'))], [false, false, true, true]],
      // The common mistake: an absent key is let in.
      ['Allow with BoolIfExists', [allow(mfa('BoolIfExists', 'true'))], [true, false, true, true]],
      [
        'Deny with BoolIfExists',
        [allow(), deny(mfa('BoolIfExists', 'false'))],
        [false, false, true, true],
      ],
      // The other: a Deny that long-term keys pass.
      ['Deny with Bool', [allow(), deny(mfa('Bool', 'false'))], [true, false, true, true]],
      ['Allow by age', [allow(fresh)], [false, false, true, false]],
      [
        'Deny by age',
        [
          allow(),
          deny({
            Condition: { NumericGreaterThanIfExists: { 'aws:MultiFactorAuthAge': '43200' } },
          }),
        ],
        [false, false, true, false],
      ],
    ])('%s', (_name, policy, expected) => {
      const decisions = [longTerm, withoutCode, withCode, stale].map(
        (context) => decide(policy, start, context).decision === 'allowed',
      );
      expect(decisions).toEqual(expected);
    });
  });

  it('fills variables into resources, and nothing fits one that is absent', () => {
    const policy = [allow({ Resource: 'arn:aws:ssm:*:*:session/${aws:username}-*' })];
    const session = (name: string): [string, string] => [
      'ssm:TerminateSession',
      `arn:aws:ssm:eu-west-1:${ACCOUNT}:session/${name}`,
    ];
    const alice = { 'aws:username': 'alice' };
    expect(decide(policy, session('alice-0a'), alice).decision).toBe('allowed');
    expect(decide(policy, session('bob-0a'), alice).decision).toBe('implicitDeny');
    // A role session has no user name; nor is the variable taken for text.
    expect(decide(policy, session('${aws:username}-0a')).decision).toBe('implicitDeny');
    expect(decide(policy, session('alice-0a')).missingKeys).toEqual(['aws:username']);
  });

  it('knows no variables in policies of the old version', () => {
    const policy = parsePolicy(
      JSON.stringify({
        Statement: allow({ Resource: 'arn:aws:ssm:*:*:session/${aws:username}-*' }),
      }),
    );
    const set: PolicySet = { identity: [{ id: 'old', type: 'user', policy }] };
    const context = { 'aws:username': 'alice' };
    const resource = (name: string) => `arn:aws:ssm:eu-west-1:${ACCOUNT}:session/${name}-1`;
    expect(decide(set, ['ssm:X', resource('alice')], context).decision).toBe('implicitDeny');
    expect(decide(set, ['ssm:X', resource('${aws:username}')], context).decision).toBe('allowed');
  });

  it('limits by a permissions boundary and by session policies', () => {
    const identity = [source(allow())];
    const ssm = [source(allow({ Action: 'ssm:*' }))];
    const ec2 = [source(allow({ Action: 'ec2:*' }))];
    expect(decide({ identity, boundary: ssm, session: ssm }, start).decision).toBe('allowed');
    expect(decide({ identity, boundary: ec2 }, start)).toMatchObject({
      decision: 'implicitDeny',
      deniedBy: 'boundary',
      withinBoundary: false,
    });
    expect(decide({ identity, boundary: ssm, session: ec2 }, start)).toMatchObject({
      decision: 'implicitDeny',
      deniedBy: 'session',
      withinBoundary: true,
    });
    expect(decide({ identity: [], boundary: ssm }, start)).toMatchObject({ deniedBy: 'identity' });
    expect(decide({ identity, boundary: [source([allow(), deny()])] }, start)).toMatchObject({
      decision: 'explicitDeny',
      deniedBy: 'boundary',
    });
  });

  describe('of a trust policy', () => {
    const user = `arn:aws:iam::${ACCOUNT}:user/alice`;
    const role = `arn:aws:iam::${ACCOUNT}:role/admin`;
    const session = `arn:aws:sts::${ACCOUNT}:assumed-role/admin/laptop`;
    const other = `arn:aws:iam::${ACCOUNT}:role/reader`;
    const assume: [string, string] = ['sts:AssumeRole', other];
    const trust = (Principal: unknown, more: object = {}) =>
      source({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', ...more }, 'trust');
    const asUser = { accountId: ACCOUNT, arn: user };
    const asSession = { accountId: ACCOUNT, arn: session, roleArn: role };
    const mayAssume = [source(allow({ Action: 'sts:AssumeRole' }))];

    it.each<[string, unknown, typeof asSession | typeof asUser, PolicySource[], string]>([
      ['the user by name', { AWS: user }, asUser, [], 'allowed'],
      ['another user', { AWS: `${user}x` }, asUser, mayAssume, 'implicitDeny'],
      ['the account alone', { AWS: `arn:aws:iam::${ACCOUNT}:root` }, asUser, [], 'implicitDeny'],
      [
        'the account, and IAM',
        { AWS: `arn:aws:iam::${ACCOUNT}:root` },
        asUser,
        mayAssume,
        'allowed',
      ],
      ['the account by id', { AWS: ACCOUNT }, asUser, mayAssume, 'allowed'],
      ['another account', { AWS: '999999999999' }, asUser, mayAssume, 'implicitDeny'],
      ['anyone', '*', asUser, [], 'allowed'],
      ['the role of the session', { AWS: role }, asSession, [], 'allowed'],
      ['the session itself', { AWS: session }, asSession, [], 'allowed'],
      ['a service', { Service: 'ec2.amazonaws.com' }, asUser, mayAssume, 'implicitDeny'],
    ])('that names %s', (_name, principal, asking, identity, decision) => {
      const resource = { source: trust(principal), principal: asking };
      expect(decide({ identity, resource }, assume).decision).toBe(decision);
    });

    it('limits a role, not a user that it names', () => {
      const boundary = [source(allow({ Action: 'ssm:*' }))];
      const set = (principal: unknown, asking: typeof asSession | typeof asUser): PolicySet => ({
        identity: [],
        boundary,
        resource: { source: trust(principal), principal: asking },
      });
      expect(decide(set({ AWS: user }, asUser), assume).decision).toBe('allowed');
      expect(decide(set({ AWS: role }, asSession), assume)).toMatchObject({
        decision: 'implicitDeny',
        deniedBy: 'boundary',
      });
    });

    it('denies to those it names only', () => {
      const policies = source(
        [
          { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' },
          { Effect: 'Deny', Principal: { AWS: user }, Action: 'sts:AssumeRole' },
        ],
        'trust',
      );
      const set = (principal: typeof asUser): PolicySet => ({
        identity: [],
        resource: { source: policies, principal },
      });
      expect(decide(set(asUser), assume)).toMatchObject({
        decision: 'explicitDeny',
        deniedBy: 'resource',
      });
      expect(decide(set({ ...asUser, arn: `${user}2` }), assume).decision).toBe('allowed');
    });

    it('asks for other actions by their own names', () => {
      const resource = { source: trust({ AWS: user }), principal: asUser };
      expect(decide({ identity: [], resource }, ['sts:TagSession', other]).decision).toBe(
        'implicitDeny',
      );
    });
  });

  it('lists the keys that policies ask about', () => {
    const { policy } = source([
      allow({
        Resource: 'arn:aws:ssm:*:*:session/${aws:username}-*',
        Condition: {
          StringEquals: { 'ssm:resourceTag/team': "${aws:PrincipalTag/team, 'none'}" },
          Bool: { 'aws:MultiFactorAuthPresent': 'true' },
        },
      }),
      deny({ Condition: { Null: { 'aws:MultiFactorAuthPresent': 'true' } } }),
    ]);
    expect(contextKeys([policy])).toEqual([
      'aws:MultiFactorAuthPresent',
      'aws:username',
      'ssm:resourceTag/team',
    ]);
  });
});
