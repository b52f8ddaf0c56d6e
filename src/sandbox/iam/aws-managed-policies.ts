import { managedPolicy, policyOf } from './stored-policy.ts';

const CREATED_AT_MS = Date.UTC(2019, 2, 15);

const aws = (policyName: string, statements: readonly object[]) =>
  managedPolicy({
    owner: 'aws',
    path: '/',
    policyName,
    document: policyOf(statements),
    nowMs: CREATED_AT_MS,
  });

export const ADMINISTRATOR_ACCESS = aws('AdministratorAccess', [
  { Effect: 'Allow', Action: '*', Resource: '*' },
]);

export const MANAGED_INSTANCE_CORE = aws('AmazonSSMManagedInstanceCore', [
  {
    Effect: 'Allow',
    Action: [
      'ssm:DescribeAssociation',
      'ssm:GetDeployablePatchSnapshotForInstance',
      'ssm:GetDocument',
      'ssm:DescribeDocument',
      'ssm:GetManifest',
      'ssm:GetParameter',
      'ssm:GetParameters',
      'ssm:ListAssociations',
      'ssm:ListInstanceAssociations',
      'ssm:PutInventory',
      'ssm:PutComplianceItems',
      'ssm:PutConfigurePackageResult',
      'ssm:UpdateAssociationStatus',
      'ssm:UpdateInstanceAssociationStatus',
      'ssm:UpdateInstanceInformation',
    ],
    Resource: '*',
  },
  {
    Effect: 'Allow',
    Action: [
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ],
    Resource: '*',
  },
  {
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
]);

/** The policies of AWS itself that exist in the sandbox: those the how-tos for bastions attach. */
export const AWS_MANAGED_POLICIES = [ADMINISTRATOR_ACCESS, MANAGED_INSTANCE_CORE] as const;
