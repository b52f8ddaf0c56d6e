import { describe, expect, it } from 'vitest';
import { allowText, iamRig, policyText } from './iam-rig.ts';

const ARN = 'arn:aws:iam::123456789012:policy/ssh';

function withPolicy() {
  const rig = iamRig();
  rig.call('CreatePolicy', { PolicyName: 'ssh', PolicyDocument: allowText('ssm:StartSession') });
  return rig;
}

describe('managed policies of the sandbox', () => {
  it('have versions, of which one counts', () => {
    const { call } = withPolicy();
    const policy = { PolicyArn: ARN };
    const text = allowText('ssm:*');
    const second = call('CreatePolicyVersion', { ...policy, PolicyDocument: text });
    expect([second.element('VersionId'), second.element('IsDefaultVersion')]).toEqual([
      'v2',
      'false',
    ]);
    const shown = call('GetPolicyVersion', { ...policy, VersionId: 'v2' });
    expect(decodeURIComponent(shown.element('Document')!)).toBe(text);
    call('SetDefaultPolicyVersion', { ...policy, VersionId: 'v2' });
    expect(call('GetPolicy', policy).element('DefaultVersionId')).toBe('v2');
    expect(call('DeletePolicyVersion', { ...policy, VersionId: 'v2' }).code).toBe('DeleteConflict');
    expect(call('DeletePolicy', policy).code).toBe('DeleteConflict');
    expect(call('DeletePolicyVersion', { ...policy, VersionId: 'v1' }).code).toBe('ok');
    // Numbers are not given twice.
    const third = call('CreatePolicyVersion', {
      ...policy,
      PolicyDocument: text,
      SetAsDefault: 'true',
    });
    expect(third.element('VersionId')).toBe('v3');
    expect(call('ListPolicyVersions', policy).elements('VersionId')).toEqual(['v3', 'v2']);
    for (const versions of [3, 4, 5, 6]) {
      const { code } = call('CreatePolicyVersion', { ...policy, PolicyDocument: text });
      expect(code).toBe(versions <= 5 ? 'ok' : 'LimitExceeded');
    }
  });

  it('are attached, counted, listed and detached', () => {
    const { call } = withPolicy();
    const user = { UserName: 'alice', PolicyArn: ARN };
    expect(call('AttachUserPolicy', user).code).toBe('ok');
    expect(call('AttachUserPolicy', user).code).toBe('ok');
    call('PutRolePermissionsBoundary', {
      RoleName: 'devaccess-admin',
      PermissionsBoundary: ARN,
    });
    const { element } = call('GetPolicy', { PolicyArn: ARN });
    expect([element('AttachmentCount'), element('PermissionsBoundaryUsageCount')]).toEqual([
      '1',
      '1',
    ]);
    const entities = call('ListEntitiesForPolicy', { PolicyArn: ARN });
    expect([entities.elements('UserName'), entities.elements('RoleName')]).toEqual([
      ['alice'],
      ['devaccess-admin'],
    ]);
    expect(call('ListAttachedUserPolicies', { UserName: 'alice' }).elements('PolicyName')).toEqual([
      'devaccess-person',
      'ssh',
    ]);
    expect(call('DeletePolicy', { PolicyArn: ARN }).message).toBe(
      'Cannot delete a policy attached to entities.',
    );
    expect(call('DetachUserPolicy', user).code).toBe('ok');
    expect(call('DetachUserPolicy', user).code).toBe('NoSuchEntity');
    call('DeleteRolePermissionsBoundary', { RoleName: 'devaccess-admin' });
    expect(call('DeletePolicy', { PolicyArn: ARN }).code).toBe('ok');
    const missing = call('AttachUserPolicy', user);
    expect([missing.code, missing.message]).toEqual([
      'NoSuchEntity',
      `Policy ${ARN} does not exist or is not attachable.`,
    ]);
  });

  it('of AWS can be attached and read, not changed', () => {
    const { call } = iamRig();
    const PolicyArn = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore';
    expect(call('AttachUserPolicy', { UserName: 'alice', PolicyArn }).code).toBe('ok');
    const text = call('GetPolicyVersion', { PolicyArn, VersionId: 'v1' }).element('Document')!;
    expect(decodeURIComponent(text)).toContain('ssmmessages:CreateControlChannel');
    expect(call('DeletePolicy', { PolicyArn }).code).toBe('AccessDenied');
    expect(call('ListPolicies', { Scope: 'Local' }).elements('PolicyName')).toEqual([
      'devaccess-person',
      'devaccess-role',
    ]);
    expect(call('ListPolicies', { Scope: 'AWS' }).elements('PolicyName')).toContain(
      'AdministratorAccess',
    );
  });

  it.each<[Record<string, string>, string]>([
    [{ PolicyName: 'ssh', PolicyDocument: allowText('ssm:*') }, 'EntityAlreadyExists'],
    [{ PolicyName: 'a', PolicyDocument: '{}' }, 'MalformedPolicyDocument'],
    [{ PolicyName: 'a', PolicyDocument: 'not json' }, 'MalformedPolicyDocument'],
    [{ PolicyName: 'a', PolicyDocument: allowText(`ssm:${'a'.repeat(6144)}`) }, 'LimitExceeded'],
    [{ PolicyName: 'a b', PolicyDocument: allowText('ssm:*') }, 'ValidationError'],
    [{ PolicyName: 'a' }, 'ValidationError'],
  ])('are not made of %j', (parameters, code) => {
    expect(withPolicy().call('CreatePolicy', parameters).code).toBe(code);
  });
});

describe('inline policies of the sandbox', () => {
  it('are put, read, listed and deleted', () => {
    const { call } = iamRig();
    const policy = { UserName: 'alice', PolicyName: 'extra' };
    const PolicyDocument = allowText('ssm:List*', 'arn:aws:ssm:*:*:*');
    expect(call('PutUserPolicy', { ...policy, PolicyDocument }).code).toBe('ok');
    const text = call('GetUserPolicy', policy).element('PolicyDocument')!;
    expect(text).toMatch(/^%7B%22Version%22%3A%222012-10-17%22.*ssm%3AList%2A/);
    expect(decodeURIComponent(text)).toBe(PolicyDocument);
    expect(call('ListUserPolicies', { UserName: 'alice' }).body).toContain(
      '<PolicyNames><member>extra</member></PolicyNames>',
    );
    expect(call('DeleteUserPolicy', policy).code).toBe('ok');
    expect(call('GetUserPolicy', policy).message).toBe(
      'The user policy with name extra cannot be found.',
    );
  });

  it('are measured together and without white space', () => {
    const { call } = iamRig();
    const put = (PolicyName: string, PolicyDocument: string) =>
      call('PutUserPolicy', { UserName: 'alice', PolicyName, PolicyDocument }).code;
    const filler = (length: number): string => {
      const empty = allowText('ssm:').length;
      return allowText(`ssm:${'a'.repeat(length - empty)}`);
    };
    expect(put('a', filler(1000).replaceAll(',', `,${' '.repeat(500)}`))).toBe('ok');
    expect(put('b', filler(1049))).toBe('LimitExceeded');
    expect(put('b', filler(1048))).toBe('ok');
    expect(put('b', filler(1000))).toBe('ok');
  });

  it('take effect at once, and end with the policy', () => {
    const { alice, call, callAs, callerOf } = iamRig();
    const caller = callerOf(alice);
    const policy = { UserName: 'alice', PolicyName: 'admin' };
    const create = () => callAs(caller, 'CreateGroup', { GroupName: 'mine' }).code;
    expect(create()).toBe('AccessDenied');
    call('PutUserPolicy', { ...policy, PolicyDocument: allowText('iam:CreateGroup') });
    expect(create()).toBe('ok');
    call('DeleteUserPolicy', policy);
    expect(create()).toBe('AccessDenied');
  });
});

describe('conditions on calls of IAM', () => {
  it('see tags and boundary of the request, and tags of the user', () => {
    const { alice, call, callAs, callerOf } = iamRig();
    const boundary = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore';
    call('PutUserPolicy', {
      UserName: 'alice',
      PolicyName: 'helpdesk',
      PolicyDocument: policyText(
        {
          Effect: 'Allow',
          Action: 'iam:CreateUser',
          Resource: '*',
          Condition: { StringEquals: { 'iam:PermissionsBoundary': boundary } },
        },
        {
          Effect: 'Allow',
          Action: 'iam:TagUser',
          Resource: '*',
          Condition: { StringNotEquals: { 'aws:RequestTag/SSMSessionRunAs': 'root' } },
        },
        {
          Effect: 'Allow',
          Action: 'iam:DeleteUser',
          Resource: '*',
          Condition: { StringEquals: { 'aws:ResourceTag/team': 'a' } },
        },
        {
          Effect: 'Allow',
          Action: 'iam:AttachUserPolicy',
          Resource: '*',
          Condition: { ArnLike: { 'iam:PolicyARN': 'arn:aws:iam::*:policy/dev-*' } },
        },
      ),
    });
    const caller = callerOf(alice);
    const tag = (Key: string, Value: string) => ({
      'Tags.member.1.Key': Key,
      'Tags.member.1.Value': Value,
    });
    const bob = { UserName: 'bob' };
    const bounded = { ...bob, PermissionsBoundary: boundary };
    expect(callAs(caller, 'CreateUser', bob).code).toBe('AccessDenied');
    expect(
      callAs(caller, 'CreateUser', { ...bounded, ...tag('SSMSessionRunAs', 'root') }).code,
    ).toBe('AccessDenied');
    expect(callAs(caller, 'CreateUser', bounded).code).toBe('ok');
    expect(callAs(caller, 'DeleteUser', bob).code).toBe('AccessDenied');
    expect(callAs(caller, 'TagUser', { ...bob, ...tag('team', 'a') }).code).toBe('ok');
    const attach = { ...bob, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' };
    expect(callAs(caller, 'AttachUserPolicy', attach).code).toBe('AccessDenied');
    expect(callAs(caller, 'DeleteUser', bob).code).toBe('ok');
  });
});
