import type { IamSeedOptions } from './seed-iam.ts';

interface SeededFor extends IamSeedOptions {
  readonly for: 'user' | 'role';
}

/**
 * What the seeded person and the roles may do: everything devaccess does, sessions and commands with
 * MFA only. Written as a policy of a real account would be, so that the sandbox refuses what it refuses.
 */
export function seededPermissions(options: SeededFor): object[] {
  const { accountId, deniedDocuments = [], requireMfa = true } = options;
  const isUser = options.for === 'user';
  const documents = deniedDocuments.map((name) => {
    const owner = name.startsWith('AWS-') ? '' : accountId;
    return `arn:aws:ssm:*:${owner}:document/${name}`;
  });
  return [
    {
      Sid: 'SessionsAndCommands',
      Effect: 'Allow',
      Action: ['ssm:StartSession', 'ssm:SendCommand'],
      ...(documents.length === 0 ? { Resource: '*' } : { NotResource: documents }),
      Condition: {
        BoolIfExists: { 'ssm:SessionDocumentAccessCheck': 'true' },
        ...(isUser && requireMfa ? { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } : {}),
      },
    },
    {
      Sid: 'OwnSessions',
      Effect: 'Allow',
      Action: ['ssm:TerminateSession', 'ssm:ResumeSession'],
      Resource: `arn:aws:ssm:*:${accountId}:session/*`,
      Condition: {
        StringEquals: { 'ssm:resourceTag/aws:ssmmessages:session-id': '${aws:userid}' },
      },
    },
    ...(isUser
      ? [
          {
            Sid: 'OwnSessionsByName',
            Effect: 'Allow',
            Action: ['ssm:TerminateSession', 'ssm:ResumeSession'],
            Resource: `arn:aws:ssm:*:${accountId}:session/\${aws:username}-*`,
          },
        ]
      : []),
    {
      Sid: 'OwnDataChannel',
      Effect: 'Allow',
      Action: 'ssmmessages:OpenDataChannel',
      Resource: `arn:aws:ssm:*:${accountId}:session/\${aws:userid}-*`,
    },
    {
      Sid: 'DiscoverAndRegister',
      Effect: 'Allow',
      Action: [
        'ssm:Describe*',
        'ssm:Get*',
        'ssm:List*',
        'ssm:CancelCommand',
        'ssm:*Activation',
        'ssm:DeregisterManagedInstance',
        'ssm:UpdateManagedInstanceRole',
        'ssm:*TagsToResource',
        'ssm:*TagsFromResource',
        'ssm:*ServiceSetting',
        'ec2:Describe*',
        'ec2-instance-connect:SendSSHPublicKey',
        'kms:Decrypt',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'rolesanywhere:Get*',
        'rolesanywhere:List*',
        'iam:ListUsers',
        'iam:ListVirtualMFADevices',
      ],
      Resource: '*',
    },
    {
      Sid: 'NodeRole',
      Effect: 'Allow',
      Action: 'iam:PassRole',
      Resource: `arn:aws:iam::${accountId}:role/*`,
      Condition: { StringEquals: { 'iam:PassedToService': 'ssm.amazonaws.com' } },
    },
    ...(isUser ? selfService(accountId) : []),
  ];
}

/** What a person may do with her own user. */
function selfService(accountId: string): object[] {
  return [
    {
      Sid: 'OwnUser',
      Effect: 'Allow',
      Action: [
        'iam:Get*',
        'iam:List*',
        'iam:*AccessKey',
        'iam:GetAccessKeyLastUsed',
        'iam:EnableMFADevice',
        'iam:DeactivateMFADevice',
        'iam:ResyncMFADevice',
        'iam:SimulatePrincipalPolicy',
      ],
      Resource: `arn:aws:iam::${accountId}:user/\${aws:username}`,
    },
    {
      Sid: 'Devices',
      Effect: 'Allow',
      Action: ['iam:CreateVirtualMFADevice', 'iam:DeleteVirtualMFADevice'],
      Resource: `arn:aws:iam::${accountId}:mfa/*`,
    },
  ];
}
