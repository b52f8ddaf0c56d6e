import { GetUserCommand } from '@aws-sdk/client-iam';
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
} from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { failure, keysOf, start } from './clients.ts';
import type { Keys } from './clients.ts';

describe('sandbox STS', () => {
  it('says who calls', async () => {
    const { sandbox, sts } = await start();
    expect(await sts().send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '123456789012',
      Arn: 'arn:aws:iam::123456789012:user/alice',
      UserId: sandbox.user.userId,
      $metadata: {
        httpStatusCode: 200,
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      },
    });
  });

  it('gives a session for a code, once', async () => {
    const { clock, sts, mfa } = await start();
    const code = mfa();
    const answer = await sts().send(new GetSessionTokenCommand({ ...code, DurationSeconds: 900 }));
    expect(answer.Credentials!.AccessKeyId).toMatch(/^ASIA/);
    expect(answer.Credentials!.Expiration!.getTime()).toBe(
      Math.floor(clock.nowMs / 1000) * 1000 + 900_000,
    );
    await expect(sts().send(new GetSessionTokenCommand(code))).rejects.toThrow(
      failure(
        'AccessDenied',
        403,
        /^MultiFactorAuthentication failed with invalid MFA one time pass code\. $/,
      ),
    );
  });

  it('lives twelve hours unless told otherwise', async () => {
    const { clock, sts } = await start();
    const { Credentials } = await sts().send(new GetSessionTokenCommand({}));
    expect(Credentials!.Expiration!.getTime()).toBe(
      Math.floor(clock.nowMs / 1000) * 1000 + 43_200_000,
    );
  });

  it.each([
    [{ DurationSeconds: 899 }, 'ValidationError', 400, /greater than or equal to 900/],
    [{ DurationSeconds: 129_601 }, 'ValidationError', 400, /less than or equal to 129600/],
    [{ TokenCode: '12345x' }, 'ValidationError', 400, /regular expression pattern/],
    [{ TokenCode: '123456' }, 'AccessDenied', 403, /must provide both/],
    [
      { TokenCode: '123456', SerialNumber: 'arn:aws:iam::123456789012:mfa/bob' },
      'AccessDenied',
      403,
      /unable to validate MFA code\. {2}Please verify/,
    ],
  ])('refuses %j', async (input, name, status, message) => {
    const { sts } = await start();
    await expect(sts().send(new GetSessionTokenCommand(input))).rejects.toThrow(
      failure(name, status, message),
    );
  });

  it('lets a session neither renew itself nor outlive its time', async () => {
    const { clock, sts, mfaKeys } = await start({ maxCredentialLifetimeMs: 60_000 });
    const session = await mfaKeys();
    await expect(sts(session).send(new GetSessionTokenCommand({}))).rejects.toThrow(
      failure('AccessDenied', 403, /Cannot call GetSessionToken with session credentials/),
    );
    clock.nowMs += 60_000;
    await expect(sts(session).send(new GetCallerIdentityCommand({}))).rejects.toThrow(
      failure('ExpiredToken', 403),
    );
  });

  const ADMIN = 'arn:aws:iam::123456789012:role/devaccess-admin';
  const READER = 'arn:aws:iam::123456789012:role/devaccess-reader';

  it('assumes a role with a code in the call, for as long as the role allows', async () => {
    const { sts, mfa } = await start();
    const input = { RoleArn: ADMIN, RoleSessionName: 'laptop' };
    await expect(sts().send(new AssumeRoleCommand(input))).rejects.toThrow(
      failure(
        'AccessDenied',
        403,
        /not authorized to perform: sts:AssumeRole on resource: .*admin/,
      ),
    );
    const answer = await sts().send(
      new AssumeRoleCommand({ ...input, ...mfa(), DurationSeconds: 43_200 }),
    );
    expect(answer.AssumedRoleUser!.Arn).toBe(
      'arn:aws:sts::123456789012:assumed-role/devaccess-admin/laptop',
    );
    const identity = await sts(keysOf(answer)).send(new GetCallerIdentityCommand({}));
    expect(identity.UserId).toMatch(/^AROA[A-Z2-7]{16}:laptop$/);
  });

  it('keeps chained sessions to an hour and every session to its role', async () => {
    const { sts, mfa, mfaKeys } = await start();
    const input = { RoleSessionName: 'laptop', DurationSeconds: 3601 };
    await expect(
      sts().send(new AssumeRoleCommand({ ...input, RoleArn: READER, ...mfa() })),
    ).rejects.toThrow(failure('ValidationError', 400, /MaxSessionDuration set for this role/));
    // The refused request has not spent the code.
    const session = await mfaKeys();
    const chained = (RoleArn: string, keys: Keys, DurationSeconds: number) =>
      sts(keys).send(new AssumeRoleCommand({ ...input, RoleArn, DurationSeconds }));
    await expect(chained(ADMIN, session, 3601)).rejects.toThrow(
      failure('ValidationError', 400, /1 hour session limit/),
    );
    const admin = keysOf(await chained(ADMIN, session, 3600));
    expect((await chained(READER, admin, 3600)).AssumedRoleUser!.Arn).toContain('devaccess-reader');
    await expect(chained(ADMIN, admin, 3600)).rejects.toThrow(failure('AccessDenied', 403));
  });

  it('asks a partner for the external id, and tells a role that is not there from nothing', async () => {
    const { sts } = await start();
    const assume = (name: string, more: object = {}) =>
      sts().send(
        new AssumeRoleCommand({
          RoleArn: `arn:aws:iam::123456789012:role/${name}`,
          RoleSessionName: 'laptop',
          ...more,
        }),
      );
    const denied = failure('AccessDenied', 403, /is not authorized to perform: sts:AssumeRole/);
    await expect(assume('devaccess-partner')).rejects.toThrow(denied);
    await expect(assume('devaccess-partner', { ExternalId: 'other' })).rejects.toThrow(denied);
    await expect(assume('nobody')).rejects.toThrow(denied);
    await expect(assume('devaccess-partner', { ExternalId: 'x' })).rejects.toThrow(
      failure('ValidationError', 400, /externalId/),
    );
    const answer = await assume('devaccess-partner', { ExternalId: 'devaccess-example' });
    expect(answer.AssumedRoleUser!.Arn).toMatch(/devaccess-partner\/laptop$/);
  });

  it('lets a session without MFA assume no role that asks for it', async () => {
    const { sts } = await start();
    const plain = keysOf(await sts().send(new GetSessionTokenCommand({})));
    await expect(
      sts(plain).send(new AssumeRoleCommand({ RoleArn: ADMIN, RoleSessionName: 'laptop' })),
    ).rejects.toThrow(failure('AccessDenied', 403));
  });

  it('lets a session without MFA call no operation of IAM', async () => {
    const { sts, iam } = await start();
    const plain = keysOf(await sts().send(new GetSessionTokenCommand({})));
    await expect(iam(plain).send(new GetUserCommand({}))).rejects.toThrow(
      failure('InvalidClientTokenId', 403),
    );
  });

  it('knows a disabled key no more; the sessions made with it live on', async () => {
    const { sandbox, sts, mfaKeys } = await start();
    const session = await mfaKeys();
    sandbox.accessKey.status = 'Inactive';
    await expect(sts().send(new GetCallerIdentityCommand({}))).rejects.toThrow(
      failure('InvalidClientTokenId', 403, /The security token included in the request is invalid/),
    );
    expect((await sts(session).send(new GetCallerIdentityCommand({}))).Arn).toMatch(/user\/alice$/);
  });

  it.each([
    [{ Policy: '{}' }, 'MalformedPolicyDocumentException'],
    [{ Tags: [{ Key: 'a', Value: 'b' }] }, 'AccessDenied'],
    [{ SourceIdentity: 'alice' }, 'AccessDenied'],
  ])('does not pretend to honour %j', async (extra, name) => {
    const { sts, mfa } = await start();
    const input = { RoleArn: ADMIN, RoleSessionName: 'laptop', ...mfa(), ...extra };
    await expect(sts().send(new AssumeRoleCommand(input))).rejects.toMatchObject({ name });
  });

  it('knows no other action', async () => {
    const { sts } = await start();
    await expect(sts().send(new GetFederationTokenCommand({ Name: 'bob' }))).rejects.toThrow(
      failure('InvalidAction', 400, /Could not find operation GetFederationToken/),
    );
  });
});
