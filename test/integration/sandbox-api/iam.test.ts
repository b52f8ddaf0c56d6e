import {
  AddUserToGroupCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreateUserCommand,
  CreateVirtualMFADeviceCommand,
  DeleteUserCommand,
  EnableMFADeviceCommand,
  GetAccessKeyLastUsedCommand,
  GetGroupPolicyCommand,
  GetUserCommand,
  ListMFADevicesCommand,
  paginateListUsers,
  PutGroupPolicyCommand,
  SimulatePrincipalPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateActivationCommand,
  DeregisterManagedInstanceCommand,
  GetServiceSettingCommand,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-ssm';
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
} from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../../src/sandbox/service-error.ts';
import { totpCode } from '../../../src/sandbox/totp.ts';
import { failure, keysOf, start } from './clients.ts';
import type { Keys } from './clients.ts';

const ADMIN_ROLE = 'arn:aws:iam::123456789012:role/devaccess-admin';

describe('a new employee, from the group policy to the first session', () => {
  it('needs the policy, the key and a device', async () => {
    const { clock, iam, ssm, sts, instance } = await start();
    const root = iam();
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'ssm:StartSession',
          Resource: ['arn:aws:ec2:*:*:instance/*', 'arn:aws:ssm:*::document/AWS-StartSSHSession'],
          Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
        },
        {
          Effect: 'Allow',
          Action: ['iam:CreateVirtualMFADevice', 'iam:EnableMFADevice', 'iam:ListMFADevices'],
          Resource: ['arn:aws:iam::*:mfa/${aws:username}', 'arn:aws:iam::*:user/${aws:username}'],
        },
      ],
    });
    await root.send(new CreateGroupCommand({ GroupName: 'ssh' }));
    const group = { GroupName: 'ssh', PolicyName: 'ssh' };
    await root.send(new PutGroupPolicyCommand({ ...group, PolicyDocument: policy }));
    const stored = await root.send(new GetGroupPolicyCommand(group));
    expect(decodeURIComponent(stored.PolicyDocument!)).toBe(policy);
    await root.send(new CreateUserCommand({ UserName: 'bob' }));
    const { AccessKey } = await root.send(new CreateAccessKeyCommand({ UserName: 'bob' }));
    const keys: Keys = {
      accessKeyId: AccessKey!.AccessKeyId!,
      secretAccessKey: AccessKey!.SecretAccessKey!,
    };

    const bob = iam(keys);
    const create = new CreateVirtualMFADeviceCommand({ VirtualMFADeviceName: 'bob' });
    await expect(bob.send(create)).rejects.toThrow(
      failure('AccessDenied', 403, /iam:CreateVirtualMFADevice on resource: .*:mfa\/bob because/),
    );
    await root.send(new AddUserToGroupCommand({ GroupName: 'ssh', UserName: 'bob' }));
    const { VirtualMFADevice: device } = await bob.send(create);
    const base32Seed = Buffer.from(device!.Base32StringSeed!).toString();
    const code = (): string => totpCode({ base32Seed }, clock.nowMs);
    const AuthenticationCode1 = code();
    clock.nowMs += 30_000;
    const SerialNumber = device!.SerialNumber!;
    const enable = { UserName: 'bob', SerialNumber, AuthenticationCode1 };
    await iam(keys).send(new EnableMFADeviceCommand({ ...enable, AuthenticationCode2: code() }));
    const { MFADevices } = await iam(keys).send(new ListMFADevicesCommand({}));
    expect(MFADevices).toMatchObject([{ UserName: 'bob', SerialNumber }]);

    // The codes that enabled it are spent.
    const session = () =>
      sts(keys).send(new GetSessionTokenCommand({ SerialNumber, TokenCode: code() }));
    await expect(session()).rejects.toThrow(failure('AccessDenied', 403, /invalid MFA/));
    clock.nowMs += 30_000;
    const temporary = keysOf(await session());
    const ssh = new StartSessionCommand({
      Target: instance('bastion').instanceId,
      DocumentName: 'AWS-StartSSHSession',
    });
    await expect(ssm(keys).send(ssh)).rejects.toThrow(failure('AccessDeniedException', 400));
    const { SessionId } = await ssm(temporary).send(ssh);
    expect(SessionId).toMatch(/^bob-/);
    // Nobody has allowed to end it.
    await expect(ssm(temporary).send(new TerminateSessionCommand({ SessionId }))).rejects.toThrow(
      failure('AccessDeniedException', 400, /ssm:TerminateSession on resource: .*:session\/bob-/),
    );
    await expect(root.send(new DeleteUserCommand({ UserName: 'bob' }))).rejects.toThrow(
      failure('DeleteConflictException', 409, /must remove user from groups first/),
    );
    const used = await root.send(
      new GetAccessKeyLastUsedCommand({ AccessKeyId: keys.accessKeyId }),
    );
    expect(used).toMatchObject({
      UserName: 'bob',
      AccessKeyLastUsed: { ServiceName: 'ssm', Region: 'us-east-1' },
    });
  });

  it('is listed once over pages of any size', async () => {
    const { iam } = await start();
    for (const UserName of ['bob', 'carol', 'dave']) {
      await iam().send(new CreateUserCommand({ UserName, Path: '/dev/' }));
    }
    const pages: string[][] = [];
    for await (const page of paginateListUsers({ client: iam(), pageSize: 2 }, {})) {
      pages.push(page.Users!.map(({ UserName }) => UserName!));
    }
    expect(pages).toEqual([['alice', 'admin'], ['bob', 'carol'], ['dave']]);
  });
});

describe('access keys that are made and put away', () => {
  it('are not known at once where the sandbox is told so', async () => {
    const { clock, iam, sts } = await start({ keyPropagationMs: 10_000 });
    const { AccessKey } = await iam().send(new CreateAccessKeyCommand({ UserName: 'alice' }));
    const keys: Keys = {
      accessKeyId: AccessKey!.AccessKeyId!,
      secretAccessKey: AccessKey!.SecretAccessKey!,
    };
    const who = () => sts(keys).send(new GetCallerIdentityCommand({}));
    await expect(who()).rejects.toThrow(failure('InvalidClientTokenId', 403));
    clock.nowMs += 10_000;
    expect((await who()).Arn).toBe('arn:aws:iam::123456789012:user/alice');
    await iam().send(
      new UpdateAccessKeyCommand({
        UserName: 'alice',
        AccessKeyId: keys.accessKeyId,
        Status: 'Inactive',
      }),
    );
    await expect(who()).rejects.toThrow(failure('InvalidClientTokenId', 403));
  });

  it('leave no session behind when their user is deleted', async () => {
    const { iam, sts } = await start();
    const root = iam();
    await root.send(new CreateUserCommand({ UserName: 'bob' }));
    const { AccessKey } = await root.send(new CreateAccessKeyCommand({ UserName: 'bob' }));
    const session = keysOf(
      await sts({
        accessKeyId: AccessKey!.AccessKeyId!,
        secretAccessKey: AccessKey!.SecretAccessKey!,
      }).send(new GetSessionTokenCommand({})),
    );
    expect((await sts(session).send(new GetCallerIdentityCommand({}))).Arn).toMatch(/user\/bob$/);
    const { DeleteAccessKeyCommand } = await import('@aws-sdk/client-iam');
    await root.send(
      new DeleteAccessKeyCommand({ UserName: 'bob', AccessKeyId: AccessKey!.AccessKeyId }),
    );
    // A session outlives its key, as at AWS.
    expect((await sts(session).send(new GetCallerIdentityCommand({}))).Arn).toMatch(/user\/bob$/);
    await root.send(new DeleteUserCommand({ UserName: 'bob' }));
    await expect(sts(session).send(new GetCallerIdentityCommand({}))).rejects.toThrow(
      failure('InvalidClientTokenId', 403),
    );
  });
});

describe('the sandbox on request', () => {
  it('answers calls with errors that a test chooses', async () => {
    const seen: string[] = [];
    const { iam, ssm, mfaKeys, startSsh } = await start({
      intercept: ({ service, operation, caller }) => {
        seen.push(`${service}:${operation} by ${caller.name}`);
        if (operation === 'GetUser') return new ServiceError('Throttling', 'Rate exceeded', 400);
        if (operation !== 'StartSession') return undefined;
        return new ServiceError('ThrottlingException', 'Rate exceeded');
      },
    });
    await expect(iam().send(new GetUserCommand({}))).rejects.toThrow(failure('Throttling', 400));
    const keys = await mfaKeys();
    await expect(ssm(keys).send(startSsh())).rejects.toThrow(failure('ThrottlingException', 400));
    expect(seen).toEqual([
      'iam:GetUser by admin',
      'sts:GetSessionToken by alice',
      'ssm:StartSession by alice',
    ]);
  });
});

describe('sessions of roles', () => {
  it('carry their tags, and no more than their session policy allows', async () => {
    const { iam, ssm, sts, mfa, startSsh } = await start();
    const { PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } =
      await import('@aws-sdk/client-iam');
    const RoleName = 'devaccess-admin';
    const trust = {
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::123456789012:user/alice' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: { StringEqualsIfExists: { 'aws:RequestTag/team': ['a', 'b'] } },
      },
    };
    await iam().send(
      new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trust) }),
    );
    const denyOthers = {
      Version: '2012-10-17',
      Statement: {
        Effect: 'Deny',
        Action: 'ssm:StartSession',
        Resource: '*',
        Condition: { StringNotEquals: { 'aws:PrincipalTag/team': 'a' } },
      },
    };
    await iam().send(
      new PutRolePolicyCommand({
        RoleName,
        PolicyName: 'team',
        PolicyDocument: JSON.stringify(denyOthers),
      }),
    );
    const assume = async (more: object = {}): Promise<Keys> =>
      keysOf(
        await sts().send(
          new AssumeRoleCommand({ RoleArn: ADMIN_ROLE, RoleSessionName: 'laptop', ...more }),
        ),
      );
    const tagged = (Value: string) => ({ Tags: [{ Key: 'team', Value }] });
    await expect(assume(tagged('c'))).rejects.toThrow(failure('AccessDenied', 403));
    const refused = failure('AccessDeniedException', 400, /with an explicit deny in an identity-b/);
    await expect(ssm(await assume(tagged('b'))).send(startSsh())).rejects.toThrow(refused);
    await expect(ssm(await assume(mfa())).send(startSsh())).rejects.toThrow(refused);
    expect((await ssm(await assume(tagged('a'))).send(startSsh())).SessionId).toMatch(/^laptop-/);
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action: 'ssm:Describe*', Resource: '*' },
    });
    await expect(ssm(await assume({ ...tagged('a'), Policy })).send(startSsh())).rejects.toThrow(
      failure(
        'AccessDeniedException',
        400,
        /because no session policy allows the ssm:StartSession/,
      ),
    );
  });
});

describe('nodes outside AWS', () => {
  const policy = (...statements: object[]) => ({ Version: '2012-10-17', Statement: statements });
  const passRole = {
    Effect: 'Allow',
    Action: 'iam:PassRole',
    Resource: 'arn:aws:iam::*:role/devaccess-hybrid-nodes',
    Condition: { StringEquals: { 'iam:PassedToService': 'ssm.amazonaws.com' } },
  };
  const create = { Effect: 'Allow', Action: 'ssm:CreateActivation', Resource: '*' };

  it('are activated by who may pass their role on', async () => {
    const activate = new CreateActivationCommand({ IamRole: 'devaccess-hybrid-nodes' });
    const without = await start({ userPolicy: policy(create) });
    await expect(without.ssm(without.longTerm).send(activate)).rejects.toThrow(
      failure('AccessDeniedException', 400, /iam:PassRole on resource: .*role\/devaccess-hybrid/),
    );
    const allowed = await start({ userPolicy: policy(create, passRole) });
    expect((await allowed.ssm(allowed.longTerm).send(activate)).ActivationId).toBeDefined();
  });

  it('are told apart by their ARN and tags, and settings by theirs', async () => {
    const { sandbox, ssm, longTerm } = await start({
      userPolicy: policy(
        {
          Effect: 'Allow',
          Action: 'ssm:DeregisterManagedInstance',
          Resource: 'arn:aws:ssm:*:*:managed-instance/*',
          Condition: { StringEquals: { 'ssm:resourceTag/Site': 'office' } },
        },
        {
          Effect: 'Allow',
          Action: 'ssm:GetServiceSetting',
          Resource: 'arn:aws:ssm:*:*:servicesetting/ssm/managed-instance/*',
        },
      ),
    });
    const client = ssm(longTerm);
    const setting = (SettingId: string) => client.send(new GetServiceSettingCommand({ SettingId }));
    expect(await setting('/ssm/managed-instance/activation-tier')).toMatchObject({
      ServiceSetting: { SettingValue: 'advanced' },
    });
    await expect(setting('/ssm/parameter-store/default-parameter-tier')).rejects.toThrow(
      failure('AccessDeniedException', 400, /servicesetting\/ssm\/parameter-store/),
    );
    const [, nas] = sandbox.account.nodes;
    const InstanceId = nas!.instanceId;
    const deregister = () => client.send(new DeregisterManagedInstanceCommand({ InstanceId }));
    sandbox.account.nodes[1] = { ...nas!, tags: { Site: 'lab' } };
    await expect(deregister()).rejects.toThrow(
      failure('AccessDeniedException', 400, /on resource: arn:aws:ssm:.*:managed-instance\/mi-/),
    );
    sandbox.account.nodes[1] = nas!;
    await deregister();
    expect(sandbox.account.nodes).toHaveLength(1);
  });
});

describe('the simulator', () => {
  it('is understood by the SDK', async () => {
    const { sandbox, iam, instance } = await start();
    const { EvaluationResults } = await iam().send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: sandbox.user.arn,
        ActionNames: ['ssm:StartSession'],
        ResourceArns: [
          `arn:aws:ec2:us-east-1:123456789012:instance/${instance('bastion').instanceId}`,
        ],
        ContextEntries: [
          {
            ContextKeyName: 'aws:MultiFactorAuthPresent',
            ContextKeyType: 'boolean',
            ContextKeyValues: ['true'],
          },
        ],
      }),
    );
    expect(EvaluationResults).toMatchObject([
      {
        EvalDecision: 'allowed',
        MatchedStatements: [{ SourcePolicyId: 'devaccess-person', StartPosition: { Line: 4 } }],
        MissingContextValues: ['ssm:SessionDocumentAccessCheck'],
      },
    ]);
  });
});
