import { describe, expect, it } from 'vitest';
import type { CallerIdentity } from '../../../../../src/sandbox/caller.ts';
import { AccessControl } from '../../../../../src/sandbox/iam/access-control.ts';
import { seedAccount } from '../../../../../src/sandbox/seed.ts';
import { iamService } from '../../../../../src/sandbox/services/iam/iam.ts';
import { TotpVerifier } from '../../../../../src/sandbox/totp.ts';

const account = seedAccount({ nowMs: Date.UTC(2026, 0, 31) });
const now = () => Date.UTC(2026, 0, 31);
const service = iamService({
  account,
  access: new AccessControl(account, now),
  totp: new TotpVerifier(now),
  now,
});
const user = account.users[0]!;
const alice: CallerIdentity = {
  accountId: account.accountId,
  arn: user.arn,
  userId: user.userId,
  name: 'alice',
  accessKeyId: 'AKIA',
  kind: 'user',
  mfaAuthenticated: false,
  user,
};
const { user: _user, ...nobody } = alice;
const role: CallerIdentity = { ...nobody, kind: 'role-session', mfaAuthenticated: true };

function call(query: string, caller: CallerIdentity = alice): { status: number; body: string } {
  const target = `/?Version=2010-05-08&${query}`;
  const { status, body } = service.answer(
    { method: 'GET', target, headers: new Map(), body: Buffer.alloc(0) },
    { state: 'verified', caller, scope: { date: '', region: 'us-east-1', service: 'iam' } },
    'request-1',
  );
  return { status, body };
}

describe('sandbox IAM', () => {
  it('describes the user behind the key in the shape of IAM', () => {
    expect(call('Action=GetUser')).toEqual({
      status: 200,
      body:
        '<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User>' +
        `<Path>/</Path><UserName>alice</UserName><UserId>${user.userId}</UserId>` +
        '<Arn>arn:aws:iam::123456789012:user/alice</Arn>' +
        '<CreateDate>2025-11-02T00:00:00Z</CreateDate></User></GetUserResult>' +
        '<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></GetUserResponse>',
    });
  });

  it('lists users, devices and keys', () => {
    expect(call('Action=ListUsers').body).toContain('<Users><member><Path>/</Path>');
    expect(call('Action=ListMFADevices').body).toContain(
      '<MFADevices><member><UserName>alice</UserName>' +
        '<SerialNumber>arn:aws:iam::123456789012:mfa/alice</SerialNumber>',
    );
    expect(call('Action=ListAccessKeys&UserName=alice', role).body).toContain(
      `<AccessKeyId>${user.accessKeys[0]!.accessKeyId}</AccessKeyId><Status>Active</Status>`,
    );
    expect(call('Action=ListAccessKeys').body).not.toContain(user.accessKeys[0]!.secretAccessKey);
  });

  it.each<[string, CallerIdentity, number, string]>([
    ['Action=GetUser&UserName=bob', alice, 404, 'NoSuchEntity'],
    ['Action=GetUser&UserName=%3Cb%3E', alice, 400, 'ValidationError'],
    ['Action=GetUser', role, 400, 'ValidationError'],
    ['Action=GetUser', { ...alice, kind: 'user-session' }, 403, 'InvalidClientTokenId'],
    ['Action=ListUsers&Marker=x', alice, 400, 'ValidationError'],
    ['Action=ListUsers&MaxItems=0', alice, 400, 'ValidationError'],
    ['Action=CreateAccessKey', alice, 400, 'InvalidAction'],
    ['Action=', alice, 400, 'MissingAction'],
  ])('refuses %s', (query, caller, status, code) => {
    const answer = call(query, caller);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(`<Type>Sender</Type><Code>${code}</Code>`);
  });

  it('answers a session that came with a code', () => {
    const session: CallerIdentity = { ...alice, kind: 'user-session', mfaAuthenticated: true };
    expect(call('Action=GetUser', session).status).toBe(200);
  });
});
