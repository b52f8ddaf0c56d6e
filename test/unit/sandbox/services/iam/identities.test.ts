import { describe, expect, it } from 'vitest';
import { allowText, iamRig, policyText } from './iam-rig.ts';

const BOUNDARY = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore';
const TRUST = policyText({
  Effect: 'Allow',
  Principal: { AWS: '123456789012' },
  Action: 'sts:AssumeRole',
});

describe('users of the sandbox', () => {
  it('come with path, tags and boundary, and are told of in full', () => {
    const { call } = iamRig();
    const created = call('CreateUser', {
      UserName: 'bob',
      Path: '/dev/',
      PermissionsBoundary: BOUNDARY,
      'Tags.member.1.Key': 'SSMSessionRunAs',
      'Tags.member.1.Value': 'bob',
    });
    expect(created.element('Arn')).toBe('arn:aws:iam::123456789012:user/dev/bob');
    expect(created.element('UserId')).toMatch(/^AIDA[A-Z2-7]{16}$/);
    const { body } = call('GetUser', { UserName: 'bob' });
    expect(body).toContain(`<PermissionsBoundaryArn>${BOUNDARY}</PermissionsBoundaryArn>`);
    expect(body).toContain('<member><Key>SSMSessionRunAs</Key><Value>bob</Value></member>');
    expect(call('ListUsers', { PathPrefix: '/dev' }).elements('UserName')).toEqual(['bob']);
    // Names do not differ by case alone.
    const again = call('CreateUser', { UserName: 'BOB' });
    expect([again.status, again.code]).toEqual([409, 'EntityAlreadyExists']);
    expect(again.message).toBe('User with name BOB already exists.');
  });

  it.each<[Record<string, string>, string]>([
    [{ UserName: 'a b' }, 'ValidationError'],
    [{ UserName: 'x'.repeat(65) }, 'ValidationError'],
    [{ UserName: 'bob', Path: 'dev' }, 'ValidationError'],
    [{ UserName: 'bob', PermissionsBoundary: `${BOUNDARY}2` }, 'NoSuchEntity'],
    [{ UserName: 'bob', 'Tags.member.1.Key': 'aws:x', 'Tags.member.1.Value': '1' }, 'InvalidInput'],
    [
      {
        UserName: 'bob',
        'Tags.member.1.Key': 'a',
        'Tags.member.1.Value': '1',
        'Tags.member.2.Key': 'A',
        'Tags.member.2.Value': '2',
      },
      'InvalidInput',
    ],
    [{}, 'ValidationError'],
  ])('are not made of %j', (parameters, code) => {
    const { call, account } = iamRig();
    expect(call('CreateUser', parameters).code).toBe(code);
    expect(account.users).toHaveLength(2);
  });

  it('go only when nothing hangs on them any more', () => {
    const { call, alice } = iamRig();
    const user = { UserName: 'alice' };
    call('CreateGroup', { GroupName: 'dev' });
    call('AddUserToGroup', { ...user, GroupName: 'dev' });
    const steps: [string, string, Record<string, string>][] = [
      [
        'detach all policies',
        'DetachUserPolicy',
        { PolicyArn: 'arn:aws:iam::123456789012:policy/devaccess-person' },
      ],
      ['remove user from groups', 'RemoveUserFromGroup', { GroupName: 'dev' }],
      ['delete access keys', 'DeleteAccessKey', { AccessKeyId: alice.accessKeys[0]!.accessKeyId }],
      [
        'delete MFA device',
        'DeactivateMFADevice',
        { SerialNumber: alice.mfaDevices[0]!.serialNumber },
      ],
    ];
    for (const [what, action, parameters] of steps) {
      const refused = call('DeleteUser', user);
      expect([refused.status, refused.code]).toEqual([409, 'DeleteConflict']);
      expect(refused.message).toBe(`Cannot delete entity, must ${what} first.`);
      expect(call(action, { ...user, ...parameters }).code).toBe('ok');
    }
    expect(call('DeleteUser', user).code).toBe('ok');
    expect(call('GetUser', user).code).toBe('NoSuchEntity');
  });

  it('keep tags by key, whatever its case, up to fifty', () => {
    const { call } = iamRig();
    const user = { UserName: 'alice' };
    const tag = (Key: string, Value: string) =>
      call('TagUser', { ...user, 'Tags.member.1.Key': Key, 'Tags.member.1.Value': Value });
    tag('Team', 'a');
    tag('team', 'b');
    expect(call('ListUserTags', user).body).toContain(
      '<Tags><member><Key>Team</Key><Value>b</Value></member></Tags>',
    );
    call('UntagUser', { ...user, 'TagKeys.member.1': 'Team' });
    expect(call('ListUserTags', user).body).toContain('<Tags/>');
    for (let count = 0; count < 50; count += 1) tag(`key${count}`, '');
    expect(tag('onemore', '').code).toBe('LimitExceeded');
    const page = call('ListUserTags', { ...user, MaxItems: '30' });
    expect([page.elements('Key').length, page.element('IsTruncated')]).toEqual([30, 'true']);
    const rest = call('ListUserTags', { ...user, MaxItems: '30', Marker: page.element('Marker')! });
    expect([rest.elements('Key').length, rest.element('IsTruncated')]).toEqual([20, 'false']);
    expect(call('ListUserTags', { UserName: 'admin', Marker: page.element('Marker')! }).code).toBe(
      'ValidationError',
    );
  });

  it('may have two access keys, inactive ones included', () => {
    const { call, alice, clock } = iamRig();
    const user = { UserName: 'alice' };
    const created = call('CreateAccessKey', user);
    expect(created.element('AccessKeyId')).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(created.element('SecretAccessKey')).toHaveLength(40);
    const AccessKeyId = created.element('AccessKeyId')!;
    call('UpdateAccessKey', { ...user, AccessKeyId, Status: 'Inactive' });
    const third = call('CreateAccessKey', user);
    expect([third.status, third.code, third.message]).toEqual([
      409,
      'LimitExceeded',
      'Cannot exceed quota for AccessKeysPerUser: 2',
    ]);
    const last = call('GetAccessKeyLastUsed', { AccessKeyId });
    expect([last.element('ServiceName'), last.element('LastUsedDate')]).toEqual(['N/A', undefined]);
    alice.accessKeys[1]!.lastUsed = { atMs: clock.nowMs, service: 'sts', region: 'us-east-1' };
    expect(call('GetAccessKeyLastUsed', { AccessKeyId }).body).toContain(
      '<LastUsedDate>2026-01-31T00:00:00Z</LastUsedDate><ServiceName>sts</ServiceName>',
    );
    expect(call('DeleteAccessKey', { ...user, AccessKeyId }).code).toBe('ok');
    expect(call('DeleteAccessKey', { ...user, AccessKeyId }).code).toBe('NoSuchEntity');
    expect(call('GetAccessKeyLastUsed', { AccessKeyId }).code).toBe('AccessDenied');
  });
});

describe('groups of the sandbox', () => {
  it('have members, and are not deleted before they are empty', () => {
    const { call, account } = iamRig();
    const group = { GroupName: 'dev' };
    expect(call('CreateGroup', group).element('GroupId')).toMatch(/^AGPA/);
    expect(call('CreateGroup', group).code).toBe('EntityAlreadyExists');
    for (const UserName of ['alice', 'admin', 'alice']) {
      expect(call('AddUserToGroup', { ...group, UserName }).code).toBe('ok');
    }
    expect(call('AddUserToGroup', { ...group, UserName: 'carol' }).code).toBe('NoSuchEntity');
    expect(call('GetGroup', group).elements('UserName')).toEqual(['alice', 'admin']);
    expect(call('ListGroupsForUser', { UserName: 'alice' }).elements('GroupName')).toEqual(['dev']);
    call('PutGroupPolicy', { ...group, PolicyName: 'p', PolicyDocument: allowText('ssm:*') });
    const conflicts = [
      () => call('DeleteGroupPolicy', { ...group, PolicyName: 'p' }),
      () => call('RemoveUserFromGroup', { ...group, UserName: 'alice' }),
      () => call('RemoveUserFromGroup', { ...group, UserName: 'admin' }),
    ];
    for (const clear of conflicts) {
      expect(call('DeleteGroup', group).code).toBe('DeleteConflict');
      expect(clear().code).toBe('ok');
    }
    expect(call('DeleteGroup', group).code).toBe('ok');
    expect(account.groups).toEqual([]);
  });

  it('are no more than ten for a user', () => {
    const { call } = iamRig();
    for (let count = 1; count <= 11; count += 1) {
      call('CreateGroup', { GroupName: `g${count}` });
      const added = call('AddUserToGroup', { GroupName: `g${count}`, UserName: 'alice' });
      expect(added.code).toBe(count <= 10 ? 'ok' : 'LimitExceeded');
    }
  });
});

describe('roles of the sandbox', () => {
  it('trust whom their policy names', () => {
    const { call, account } = iamRig();
    const role = { RoleName: 'ops' };
    const created = call('CreateRole', { ...role, AssumeRolePolicyDocument: TRUST });
    expect(created.element('RoleId')).toMatch(/^AROA/);
    expect(decodeURIComponent(created.element('AssumeRolePolicyDocument')!)).toBe(TRUST);
    expect(created.element('MaxSessionDuration')).toBe('3600');
    const broken = call('UpdateAssumeRolePolicy', { ...role, PolicyDocument: allowText('sts:*') });
    expect([broken.status, broken.code]).toEqual([400, 'MalformedPolicyDocument']);
    const other = TRUST.replace('123456789012', '999999999999');
    expect(call('UpdateAssumeRolePolicy', { ...role, PolicyDocument: other }).code).toBe('ok');
    expect(account.roles.at(-1)!.trustPolicy.text).toBe(other);
    expect(call('ListRoles').elements('RoleName')).toHaveLength(7);
    call('AttachRolePolicy', { ...role, PolicyArn: BOUNDARY });
    expect(call('DeleteRole', role).code).toBe('DeleteConflict');
    call('DetachRolePolicy', { ...role, PolicyArn: BOUNDARY });
    expect(call('DeleteRole', role).code).toBe('ok');
    expect(call('GetRole', role).code).toBe('NoSuchEntity');
  });

  it.each([
    [{ AssumeRolePolicyDocument: '{}' }, 'MalformedPolicyDocument'],
    [{ AssumeRolePolicyDocument: TRUST, MaxSessionDuration: '43201' }, 'ValidationError'],
    [
      { AssumeRolePolicyDocument: TRUST.replace('sts:AssumeRole', `sts:${'a'.repeat(2048)}`) },
      'LimitExceeded',
    ],
  ])('are not made of %j', (parameters, code) => {
    expect(iamRig().call('CreateRole', { RoleName: 'ops', ...parameters }).code).toBe(code);
  });
});
