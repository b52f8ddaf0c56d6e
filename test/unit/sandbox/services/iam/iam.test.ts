import { describe, expect, it } from 'vitest';
import type { CallerIdentity } from '../../../../../src/sandbox/caller.ts';
import { iamRig, policyText } from './iam-rig.ts';

const rig = iamRig();
const alice = rig.callerOf(rig.alice);
const admin = rig.callerOf(rig.administrator);
const plainSession: CallerIdentity = { ...admin, kind: 'user-session' };

describe('sandbox IAM', () => {
  it('describes the user behind the key in the shape of IAM', () => {
    const { status, body } = rig.callAs(alice, 'GetUser');
    expect(status).toBe(200);
    expect(body).toBe(
      '<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User>' +
        `<Path>/</Path><UserName>alice</UserName><UserId>${rig.alice.userId}</UserId>` +
        '<Arn>arn:aws:iam::123456789012:user/alice</Arn>' +
        '<CreateDate>2025-11-02T00:00:00Z</CreateDate></User></GetUserResult>' +
        '<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></GetUserResponse>',
    );
  });

  it('lists users, devices and keys', () => {
    expect(rig.callAs(alice, 'ListUsers').body).toContain('<Users><member><Path>/</Path>');
    expect(rig.callAs(alice, 'ListMFADevices').body).toContain(
      '<MFADevices><member><UserName>alice</UserName>' +
        '<SerialNumber>arn:aws:iam::123456789012:mfa/alice</SerialNumber>',
    );
    const keys = rig.callAs(alice, 'ListAccessKeys').body;
    const [key] = rig.alice.accessKeys;
    expect(keys).toContain(`<AccessKeyId>${key!.accessKeyId}</AccessKeyId><Status>Active</Status>`);
    expect(keys).not.toContain(key!.secretAccessKey);
  });

  it.each<[string, Record<string, string>, CallerIdentity, number, string]>([
    ['GetUser', { UserName: 'bob' }, admin, 404, 'NoSuchEntity'],
    ['GetUser', { UserName: 'bob' }, alice, 403, 'AccessDenied'],
    ['GetUser', { UserName: '<b>' }, alice, 400, 'ValidationError'],
    ['GetUser', {}, plainSession, 403, 'InvalidClientTokenId'],
    ['ListUsers', { Marker: 'x' }, alice, 400, 'ValidationError'],
    ['ListUsers', { MaxItems: '0' }, alice, 400, 'ValidationError'],
    ['ListServerCertificates', {}, admin, 400, 'InvalidAction'],
    ['', {}, alice, 400, 'MissingAction'],
  ])('refuses %s %j', (action, parameters, caller, status, code) => {
    const answer = rig.callAs(caller, action, parameters);
    expect([answer.status, answer.code]).toEqual([status, code]);
    expect(answer.body).toContain(`<Type>Sender</Type><Code>${code}</Code>`);
  });

  it('asks who is meant when the caller is no user', () => {
    const { account, callAs, call } = iamRig();
    const [role] = account.roles;
    const session: CallerIdentity = {
      accountId: account.accountId,
      arn: 'arn:aws:sts::123456789012:assumed-role/devaccess-admin/x',
      userId: `${role!.roleId}:x`,
      name: 'x',
      accessKeyId: 'ASIA',
      kind: 'role-session',
      mfaAuthenticated: false,
      roleArn: role!.arn,
    };
    expect(callAs(session, 'GetUser').code).toBe('ValidationError');
    expect(callAs(session, 'ListAccessKeys', { UserName: 'alice' }).code).toBe('AccessDenied');
    call('PutRolePolicy', {
      RoleName: role!.roleName,
      PolicyName: 'iam',
      PolicyDocument: policyText({ Effect: 'Allow', Action: 'iam:List*', Resource: '*' }),
    });
    expect(callAs(session, 'ListAccessKeys', { UserName: 'alice' }).code).toBe('ok');
  });

  it('answers a session that came with a code', () => {
    const session: CallerIdentity = { ...alice, kind: 'user-session', mfaAuthenticated: true };
    expect(rig.callAs(session, 'GetUser').status).toBe(200);
  });

  it('refuses in the words of AWS', () => {
    expect(rig.callAs(alice, 'CreateUser', { UserName: 'bob', Path: '/dev/' }).message).toBe(
      'User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:CreateUser ' +
        'on resource: arn:aws:iam::123456789012:user/dev/bob ' +
        'because no identity-based policy allows the iam:CreateUser action',
    );
    expect(rig.callAs(alice, 'ListPolicies').message).toContain('on resource: policy path / be');
    const { alice: user, call, callAs, callerOf } = iamRig();
    call('PutUserPolicy', {
      UserName: 'alice',
      PolicyName: 'no',
      PolicyDocument: policyText({ Effect: 'Deny', Action: 'iam:GetUser', Resource: '*' }),
    });
    expect(callAs(callerOf(user), 'GetUser').message).toMatch(
      /user\/alice with an explicit deny in an identity-based policy$/,
    );
  });
});
