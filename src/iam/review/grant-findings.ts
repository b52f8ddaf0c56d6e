import { ANY, refsOf } from './exemplars.ts';
import type { PolicyBench, Situation } from './exemplars.ts';
import { milder } from './finding.ts';
import type { Finding, Severity } from './finding.ts';

/** Calls that open more than they say, where they are allowed on a resource that stands for any. */
interface Grant {
  id: string;
  severity: Severity;
  title: string;
  actions: readonly string[];
  arns: readonly string[];
  situation?: Situation;
  why: string;
  fix: string;
  /** Asks only of a user: their keys and devices. */
  ofUsers?: boolean;
}

export const NODES = [
  `arn:P:ec2:R:A:instance/${ANY.instance}`,
  `arn:P:ssm:R:A:managed-instance/${ANY.hybrid}`,
];
export const OWN_USER = `arn:P:iam::A:user/${ANY.ownName}`;
const OTHER_USER = `arn:P:iam::A:user/${ANY.otherName}`;
export const ANY_ROLE = 'arn:P:iam::A:role/any-role';
const ANY_PRINCIPALS = [
  OTHER_USER,
  'arn:P:iam::A:group/any-group',
  ANY_ROLE,
  'arn:P:iam::A:policy/any',
];
const GRANTS: readonly Grant[] = [
  {
    id: 'session-preferences',
    severity: 'critical',
    title: 'Session preferences of the whole account',
    actions: [
      'ssm:CreateDocument',
      'ssm:UpdateDocument',
      'ssm:UpdateDocumentDefaultVersion',
      'ssm:DeleteDocument',
    ],
    arns: ['arn:P:ssm:R:A:document/SSM-SessionManagerRunShell'],
    why: 'They hold the commands that shells of all people begin with, the user they run as, logging and encryption: who writes them runs commands as others, unlogged.',
    fix: 'take it away; deny it to those who only use sessions (NoPreferenceChanges of devaccess iam policy)',
  },
  {
    id: 'document-change',
    severity: 'high',
    title: 'Documents may be written',
    actions: ['ssm:CreateDocument', 'ssm:UpdateDocument', 'ssm:UpdateDocumentDefaultVersion'],
    arns: ['arn:P:ssm:R:A:document/Some-Document'],
    why: 'A document is what sessions, Run Command and State Manager run as root; whoever uses it next runs what was written into it.',
    fix: 'leave documents to those who administer them',
  },
  {
    id: 'document-sharing',
    severity: 'medium',
    title: 'Documents may be shared with other accounts',
    actions: ['ssm:ModifyDocumentPermission'],
    arns: ['arn:P:ssm:R:A:document/Some-Document'],
    why: 'A shared document shows what is in it, secrets included.',
    fix: 'take it away',
  },
  {
    id: 'root-by-systems-manager',
    severity: 'high',
    title: 'Commands as root by another door of Systems Manager',
    actions: [
      'ssm:CreateAssociation',
      'ssm:CreateAssociationBatch',
      'ssm:UpdateAssociation',
      'ssm:StartAutomationExecution',
      'ssm:RegisterTaskWithMaintenanceWindow',
      'ssm:UpdateMaintenanceWindowTask',
    ],
    arns: [
      ...NODES,
      'arn:P:ssm:R:A:document/Some-Document',
      'arn:P:ssm:R::document/AWS-RunShellScript',
      'arn:P:ssm:R:A:automation-definition/Some-Document:1',
      'arn:P:ssm:R:A:maintenancewindow/mw-0f0f0f0f0f0f0f0f0',
      'arn:P:ssm:R:A:association/any',
    ],
    why: 'Associations, automations and maintenance windows run documents on nodes, again and again, past everything that narrows sessions.',
    fix: 'take it away; people who use sessions do not need it',
  },
  {
    id: 'iam-write',
    severity: 'critical',
    title: 'Permissions may be changed',
    actions: [
      'iam:AddUserToGroup',
      'iam:AttachGroupPolicy',
      'iam:AttachRolePolicy',
      'iam:AttachUserPolicy',
      'iam:CreatePolicyVersion',
      'iam:DeleteRolePermissionsBoundary',
      'iam:DeleteUserPermissionsBoundary',
      'iam:PutGroupPolicy',
      'iam:PutRolePolicy',
      'iam:PutUserPermissionsBoundary',
      'iam:PutUserPolicy',
      'iam:SetDefaultPolicyVersion',
      'iam:UpdateAssumeRolePolicy',
    ],
    arns: [...ANY_PRINCIPALS, OWN_USER],
    why: 'Who may give permissions has all of them.',
    fix: 'take it away, or allow it within a permissions boundary only',
  },
  {
    id: 'credentials-of-others',
    severity: 'critical',
    title: 'Credentials of other users',
    actions: [
      'iam:CreateAccessKey',
      'iam:CreateLoginProfile',
      'iam:UpdateLoginProfile',
      'iam:DeactivateMFADevice',
      'iam:EnableMFADevice',
    ],
    arns: [OTHER_USER],
    why: 'A key, a password or a device of another user is that user.',
    fix: 'narrow it to arn:PARTITION:iam::ACCOUNT:user/${aws:username}',
    ofUsers: false,
  },
  {
    id: 'keys-without-mfa',
    severity: 'high',
    title: 'Own access keys or password without MFA',
    actions: [
      'iam:CreateAccessKey',
      'iam:UpdateAccessKey',
      'iam:DeleteAccessKey',
      'iam:CreateLoginProfile',
      'iam:UpdateLoginProfile',
    ],
    arns: [OWN_USER],
    situation: { mfa: 'none' },
    why: 'Whoever finds a key makes a second one, or a password, and keeps it when the first is gone.',
    fix: 'ask for MFA: "Bool": {"aws:MultiFactorAuthPresent": "true"}',
    ofUsers: true,
  },
  {
    id: 'device-removal',
    severity: 'high',
    title: 'The own MFA device may be removed without MFA',
    actions: ['iam:DeactivateMFADevice'],
    arns: [OWN_USER],
    situation: { mfa: 'none' },
    why: 'Whoever finds a key takes the device away and enrols another.',
    fix: 'ask for MFA: "Bool": {"aws:MultiFactorAuthPresent": "true"}',
    ofUsers: true,
  },
  {
    id: 'assume-any-role',
    severity: 'high',
    title: 'Any role that trusts the account',
    actions: ['sts:AssumeRole'],
    arns: [ANY_ROLE],
    why: 'Roles that trust the account as a whole are guarded by this permission alone.',
    fix: 'name the roles',
  },
  {
    id: 'instance-takeover',
    severity: 'high',
    title: 'Instances may be changed from outside',
    actions: [
      'ec2:ModifyInstanceAttribute',
      'ec2:AssociateIamInstanceProfile',
      'ec2:ReplaceIamInstanceProfileAssociation',
      'ec2-instance-connect:SendSerialConsoleSSHPublicKey',
    ],
    arns: [NODES[0] ?? ''],
    why: 'User data runs as root at the next start, an instance profile is what the instance may do, and the serial console asks no security group.',
    fix: 'take it away; people who use sessions do not need it',
  },
  {
    id: 'agent-impersonation',
    severity: 'medium',
    title: 'People may pose as an agent',
    actions: [
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ec2messages:GetMessages',
      'ssm:UpdateInstanceInformation',
    ],
    arns: ['arn:P:ec2:R:A:instance/*', '*'],
    why: 'These are calls of the agent on a node: who may make them can take sessions and commands that are meant for it.',
    fix: 'leave them to the instance profile (devaccess iam policy --side instance)',
  },
  {
    id: 'secrets',
    severity: 'medium',
    title: 'Parameters and secrets may be read',
    actions: [
      'ssm:GetParameter',
      'ssm:GetParameters',
      'ssm:GetParametersByPath',
      'secretsmanager:GetSecretValue',
    ],
    arns: ['arn:P:ssm:R:A:parameter/any/name', 'arn:P:secretsmanager:R:A:secret:any-a1b2c3'],
    why: 'Sessions need none of them, and passwords lie there.',
    fix: 'name the parameters that are needed',
  },
  {
    id: 'node-activation',
    severity: 'medium',
    title: 'Nodes and settings of Systems Manager',
    actions: ['ssm:CreateActivation', 'ssm:UpdateManagedInstanceRole', 'ssm:UpdateServiceSetting'],
    arns: ['*', NODES[1] ?? '', 'arn:P:ssm:R:A:servicesetting/any'],
    why: 'It adds nodes with a role to the account, or changes the role of those that are there.',
    fix: 'leave it to those who administer nodes',
  },
];

export function grantFindings(bench: PolicyBench): Finding[] {
  return GRANTS.filter(({ ofUsers }) => ofUsers !== true || bench.holder === 'user').flatMap(
    (grant) => grantFinding(bench, grant) ?? [],
  );
}

function grantFinding(bench: PolicyBench, grant: Grant): Finding | undefined {
  const { id, severity, title, why, fix } = grant;
  const situation = grant.situation ?? { mfa: 'fresh' };
  const allowed = grant.actions.flatMap((action) => {
    const allowance = bench.allows(action, grant.arns, situation);
    return allowance === undefined ? [] : [{ action, ...allowance }];
  });
  if (allowed.length === 0) return undefined;
  const isCertain = allowed.some(({ certain }) => certain);
  return {
    id,
    severity: isCertain ? severity : milder(severity),
    title,
    statements: refsOf(allowed.map(({ statement }) => statement)),
    why: `${allowed.map(({ action }) => action).join(', ')}: ${why}${withoutMfa(bench, grant)}`,
    fix,
  };
}

/** Long-term keys suffice: worth saying where it is allowed at all. */
function withoutMfa(bench: PolicyBench, { actions, arns, situation }: Grant): string {
  if (situation !== undefined || bench.holder === 'role') return '';
  const bare = actions.some((action) => bench.allows(action, arns, { mfa: 'none' })?.certain);
  return bare ? ' Not even MFA is asked for.' : '';
}
