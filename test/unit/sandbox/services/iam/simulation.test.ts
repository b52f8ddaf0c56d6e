import { describe, expect, it } from 'vitest';
import { allowText, iamRig, policyText } from './iam-rig.ts';

const ALICE = 'arn:aws:iam::123456789012:user/alice';
const INSTANCE = 'arn:aws:ec2:us-east-1:123456789012:instance/i-1';
const DOCUMENT = 'arn:aws:ssm:us-east-1::document/AWS-StartSSHSession';

const list = (name: string, values: readonly string[]): Record<string, string> =>
  Object.fromEntries(values.map((value, at) => [`${name}.member.${at + 1}`, value]));

const entry = (at: number, key: string, type: string, ...values: string[]) => ({
  [`ContextEntries.member.${at}.ContextKeyName`]: key,
  [`ContextEntries.member.${at}.ContextKeyType`]: type,
  ...list(`ContextEntries.member.${at}.ContextKeyValues`, values),
});

describe('the simulator of the sandbox', () => {
  it('decides as a real call would, and tells what it was not given', () => {
    const { call } = iamRig();
    const asked = {
      PolicySourceArn: ALICE,
      ...list('ActionNames', ['ssm:StartSession', 'iam:CreateUser']),
      ...list('ResourceArns', [INSTANCE, DOCUMENT]),
    };
    const without = call('SimulatePrincipalPolicy', asked);
    expect(without.elements('EvalDecision')).toEqual(Array(4).fill('implicitDeny'));
    expect(without.elements('member')).toContain('aws:MultiFactorAuthPresent');
    const withMfa = call('SimulatePrincipalPolicy', {
      ...asked,
      ...entry(1, 'aws:MultiFactorAuthPresent', 'boolean', 'true'),
    });
    expect(withMfa.elements('EvalDecision')).toEqual([
      'allowed',
      'allowed',
      'implicitDeny',
      'implicitDeny',
    ]);
    expect(withMfa.elements('EvalResourceName')).toEqual([INSTANCE, DOCUMENT, INSTANCE, DOCUMENT]);
    expect(withMfa.element('SourcePolicyId')).toBe('devaccess-person');
    expect(withMfa.element('SourcePolicyType')).toBe('user-managed');
  });

  it('counts groups, further policies and the boundary', () => {
    const { call } = iamRig();
    call('CreateGroup', { GroupName: 'dev' });
    call('AddUserToGroup', { GroupName: 'dev', UserName: 'alice' });
    call('PutGroupPolicy', {
      GroupName: 'dev',
      PolicyName: 'groups',
      PolicyDocument: allowText('iam:CreateGroup'),
    });
    const simulate = (action: string, more: Record<string, string> = {}) =>
      call('SimulatePrincipalPolicy', {
        PolicySourceArn: ALICE,
        ...list('ActionNames', [action]),
        ...more,
      });
    const byGroup = simulate('iam:CreateGroup');
    expect([byGroup.element('EvalDecision'), byGroup.element('SourcePolicyType')]).toEqual([
      'allowed',
      'group',
    ]);
    expect(
      simulate('iam:CreateRole', list('PolicyInputList', [allowText('iam:*')])).element(
        'EvalDecision',
      ),
    ).toBe('allowed');
    const denied = simulate(
      'iam:CreateGroup',
      list('PolicyInputList', [policyText({ Effect: 'Deny', Action: 'iam:*', Resource: '*' })]),
    );
    expect(denied.element('EvalDecision')).toBe('explicitDeny');
    expect(denied.element('SourcePolicyId')).toBe('PolicyInputList.1');
    call('PutUserPermissionsBoundary', {
      UserName: 'alice',
      PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore',
    });
    const bounded = simulate('iam:CreateGroup');
    expect(bounded.element('EvalDecision')).toBe('implicitDeny');
    expect(bounded.element('AllowedByPermissionsBoundary')).toBe('false');
  });

  it('tells statements of given policies by their place', () => {
    const { call } = iamRig();
    const text = '{\n "Statement": [\n  {"Effect":"Allow","Action":"ssm:*","Resource":"*"}\n ]\n}';
    const { body } = call('SimulateCustomPolicy', {
      ...list('PolicyInputList', [text]),
      ...list('ActionNames', ['ssm:StartSession']),
    });
    expect(body).toContain(
      '<StartPosition><Line>3</Line><Column>3</Column></StartPosition>' +
        '<EndPosition><Line>3</Line><Column>53</Column></EndPosition>',
    );
  });

  it('knows who is simulated, and pages', () => {
    const { call } = iamRig();
    const text = allowText('ssm:*', 'arn:aws:ssm:*:*:session/${aws:username}-*');
    const asked = {
      ...list('PolicyInputList', [text]),
      ...list('ActionNames', ['ssm:TerminateSession', 'ssm:ResumeSession']),
      ...list('ResourceArns', ['arn:aws:ssm:us-east-1:123456789012:session/alice-1']),
    };
    expect(call('SimulateCustomPolicy', asked).elements('EvalDecision')).toEqual([
      'implicitDeny',
      'implicitDeny',
    ]);
    const first = call('SimulateCustomPolicy', { ...asked, CallerArn: ALICE, MaxItems: '1' });
    expect([first.elements('EvalDecision'), first.element('IsTruncated')]).toEqual([
      ['allowed'],
      'true',
    ]);
    const second = call('SimulateCustomPolicy', {
      ...asked,
      CallerArn: ALICE,
      MaxItems: '1',
      Marker: first.element('Marker')!,
    });
    expect(second.elements('EvalActionName')).toEqual(['ssm:ResumeSession']);
  });

  it('lists the keys to give', () => {
    const { call } = iamRig();
    const keys = call('GetContextKeysForPrincipalPolicy', { PolicySourceArn: ALICE });
    expect(keys.elements('member')).toContain('aws:MultiFactorAuthPresent');
    const custom = call('GetContextKeysForCustomPolicy', {
      ...list('PolicyInputList', [allowText('s3:*', 'arn:aws:s3:::${aws:username}/*')]),
    });
    expect(custom.elements('member')).toEqual(['aws:username']);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'SimulatePrincipalPolicy',
      { PolicySourceArn: `${ALICE}2`, ...list('ActionNames', ['a:B']) },
      'NoSuchEntity',
    ],
    ['SimulatePrincipalPolicy', { PolicySourceArn: ALICE }, 'ValidationError'],
    [
      'SimulatePrincipalPolicy',
      { PolicySourceArn: ALICE, ...list('ActionNames', ['ssm:*']) },
      'InvalidInput',
    ],
    [
      'SimulatePrincipalPolicy',
      { PolicySourceArn: ALICE, ...list('ActionNames', ['a:B']), ...list('ResourceArns', ['i-1']) },
      'InvalidInput',
    ],
    [
      'SimulateCustomPolicy',
      { ...list('PolicyInputList', ['{}']), ...list('ActionNames', ['a:B']) },
      'InvalidInput',
    ],
    [
      'SimulateCustomPolicy',
      {
        ...list('PolicyInputList', [allowText('a:B')]),
        ...list('ActionNames', ['a:B']),
        ...entry(1, 'aws:userid', 'text', 'x'),
      },
      'ValidationError',
    ],
    ['SimulateCustomPolicy', list('ActionNames', ['a:B']), 'ValidationError'],
  ])('%s refuses %j with %s', (action, parameters, code) => {
    expect(iamRig().call(action, parameters).code).toBe(code);
  });

  it('is itself a permission', () => {
    const { alice, callAs, callerOf } = iamRig();
    const asked = list('ActionNames', ['a:B']);
    const me = callerOf(alice);
    expect(callAs(me, 'SimulatePrincipalPolicy', { PolicySourceArn: ALICE, ...asked }).code).toBe(
      'ok',
    );
    const other = 'arn:aws:iam::123456789012:user/admin';
    expect(callAs(me, 'SimulatePrincipalPolicy', { PolicySourceArn: other, ...asked }).code).toBe(
      'AccessDenied',
    );
  });
});
