import type { ExplainedStatement } from './policy-document.ts';
import type { PolicyPlace } from './policy-scope.ts';

export interface InstanceRequest {
  place: PolicyPlace;
  /** Attach AmazonSSMManagedInstanceCore instead of a policy of one's own. */
  managed: boolean;
  /** Run Command reaches old agents by another service. */
  runCommand: boolean;
  kmsKeys: readonly string[];
}

/** What nodes need to be reached: no more than that, or AWS's own policy. */
export interface InstancePolicy {
  permissions: ExplainedStatement[];
  trust: ExplainedStatement;
  managedPolicyArns: string[];
  notices: string[];
}

export function instancePolicy(request: InstanceRequest): InstancePolicy {
  const { place, managed } = request;
  const core = `arn:${place.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore`;
  const keys = sessionKeys(request);
  return {
    permissions: managed ? keys : [agentStatement(), ...commandStatement(request), ...keys],
    trust: trustStatement(),
    managedPolicyArns: managed ? [core] : [],
    notices: [
      managed
        ? 'AmazonSSMManagedInstanceCore lets the node read every Parameter Store parameter of the account (ssm:GetParameter on *)'
        : 'no State Manager, Patch Manager, inventory or parameters: for these take --managed',
      'where sessions are logged to S3 or CloudWatch, the node needs s3:PutObject and s3:GetEncryptionConfiguration, or logs:CreateLogStream, logs:PutLogEvents and logs:Describe*',
      'AWSServiceRoleForAmazonSSM and AmazonEC2RoleforSSM are not what a node needs: the first is for the service itself, the second opens every S3 bucket',
    ],
  };
}

function agentStatement(): ExplainedStatement {
  return {
    statement: {
      Sid: 'SessionManagerAgent',
      Effect: 'Allow',
      Action: [
        'ssm:UpdateInstanceInformation',
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
      ],
      Resource: '*',
    },
    why: 'The agent reports that it is there, and takes sessions. IAM knows no resources for these calls.',
    without: 'The node never comes online in Systems Manager: DA_TARGET_NOT_CONNECTED.',
  };
}

function commandStatement({ runCommand }: InstanceRequest): ExplainedStatement[] {
  if (!runCommand) return [];
  return [
    {
      statement: {
        Sid: 'RunCommandAgent',
        Effect: 'Allow',
        Action: [
          'ec2messages:AcknowledgeMessage',
          'ec2messages:DeleteMessage',
          'ec2messages:FailMessage',
          'ec2messages:GetEndpoint',
          'ec2messages:GetMessages',
          'ec2messages:SendReply',
        ],
        Resource: '*',
      },
      why: 'Agents before 3.3.40 fetch commands of Run Command here; newer ones use ssmmessages.',
      without: 'Commands to old agents stay Pending and end as undelivered: DA_COMMAND_UNFINISHED.',
    },
  ];
}

function sessionKeys({ kmsKeys }: InstanceRequest): ExplainedStatement[] {
  if (kmsKeys.length === 0) return [];
  return [
    {
      statement: {
        Sid: 'SessionKeys',
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: kmsKeys,
      },
      why: 'The agent decrypts the data key of sessions that the account encrypts.',
      without: 'Shells and commands end in their handshake: DA_ENCRYPTION.',
    },
  ];
}

function trustStatement(): ExplainedStatement {
  return {
    statement: {
      Sid: 'Ec2Assumes',
      Effect: 'Allow',
      // The same in every partition.
      Principal: { Service: 'ec2.amazonaws.com' },
      Action: 'sts:AssumeRole',
    },
    why: 'EC2 hands the role to instances through their instance profile.',
    without: 'The instance gets no credentials.',
  };
}
