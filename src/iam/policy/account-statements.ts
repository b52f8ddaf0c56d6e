import type { AccessRequest } from './access-request.ts';
import { PREFERENCES_DOCUMENT } from './features.ts';
import { nodeArns, nodeConditions, recentMfa } from './node-scope.ts';
import type { ExplainedStatement } from './policy-document.ts';

/** What of it has no resource to narrow it by. */
export function discoveryStatement({
  documents,
  place,
  strict,
}: AccessRequest): ExplainedStatement[] {
  if (documents.length === 0) return [];
  return [
    {
      statement: {
        Sid: 'Discover',
        Effect: 'Allow',
        Action: [
          'ec2:DescribeInstances',
          'ssm:DescribeInstanceInformation',
          'ssm:DescribeSessions',
        ],
        Resource: '*',
        ...(strict
          ? { Condition: { StringEquals: { 'aws:RequestedRegion': place.regions } } }
          : {}),
      },
      why:
        'Lists servers and sessions. Without MFA, as it changes nothing; IAM knows no resources for ' +
        `these calls${strict ? ', so the regions are what narrows them' : ''}.`,
      without:
        'devaccess hosts sync, tag:KEY=VALUE and sessions list are refused. ssh to hosts that are ' +
        'synced already goes on.',
    },
  ];
}

/** Tags of instances come with them; those of hybrid nodes take a call for each. */
export function hybridTagsStatement(request: AccessRequest): ExplainedStatement[] {
  if (request.documents.length === 0) return [];
  const arns = nodeConditions(request, 'ssm').flatMap(({ scope }) => nodeArns(request, scope));
  const hybrid = [...new Set(arns)].filter((arn) => arn.includes(':managed-instance/'));
  if (hybrid.length === 0) return [];
  return [
    {
      statement: {
        Sid: 'HybridTags',
        Effect: 'Allow',
        Action: 'ssm:ListTagsForResource',
        Resource: hybrid,
      },
      why: 'Tags of nodes outside AWS, by which servers are named and chosen. Without MFA, as it changes nothing.',
      without: 'devaccess hosts sync names nodes outside AWS without their tags, and says so.',
    },
  ];
}

/** Keys that encrypt sessions, where the account's preferences name one. */
export function sessionKeyStatement({
  documents,
  features,
  kmsKeys,
}: AccessRequest): ExplainedStatement[] {
  const isForNodes = features.has('rotate-nodes') && documents.length === 0;
  if (kmsKeys.length === 0 || isForNodes) return [];
  return [
    {
      statement: {
        Sid: 'SessionKeys',
        Effect: 'Allow',
        Action: 'kms:GenerateDataKey',
        Resource: kmsKeys,
      },
      why: 'Sessions that the account encrypts begin with a data key of this KMS key.',
      without:
        'Shells and commands end in their handshake: DA_ENCRYPTION. ssh and ports are not encrypted by KMS and go on.',
    },
  ];
}

/** A user's own access keys and MFA device, and nobody else's. */
export function selfServiceStatements({
  features,
  place,
  mfaAgeS,
}: AccessRequest): ExplainedStatement[] {
  const iam = `arn:${place.partition}:iam::${place.account}`;
  const ownUser = `${iam}:user/\${aws:username}`;
  const ownDevice = `${iam}:mfa/\${aws:username}`;
  const statements: ExplainedStatement[] = [];
  if (features.has('rotate-keys')) {
    statements.push({
      statement: {
        Sid: 'OwnKeys',
        Effect: 'Allow',
        Action: [
          'iam:CreateAccessKey',
          'iam:DeleteAccessKey',
          'iam:GetAccessKeyLastUsed',
          'iam:GetUser',
          'iam:ListAccessKeys',
          'iam:UpdateAccessKey',
        ],
        Resource: ownUser,
        Condition: recentMfa(mfaAgeS),
      },
      why: 'Access keys may be rotated by their user. With MFA: else who finds a key makes a second one.',
      without: 'devaccess iam rotate-keys is refused.',
    });
  }
  if (features.has('enroll-mfa')) {
    statements.push(
      {
        statement: {
          Sid: 'FirstDevice',
          Effect: 'Allow',
          Action: [
            'iam:CreateVirtualMFADevice',
            'iam:DeleteVirtualMFADevice',
            'iam:EnableMFADevice',
            'iam:GetUser',
            'iam:ListMFADevices',
          ],
          Resource: [ownDevice, ownUser],
        },
        why:
          'A user without a device can enrol one; that cannot ask for MFA. The device must have the ' +
          'name of the user: with that one taken, who finds a key cannot add a device of their own. ' +
          'IAM deletes no device that is in use. Take the statement away when everybody has a device ' +
          'of that name.',
        without: 'devaccess iam enroll-mfa is refused.',
      },
      {
        statement: {
          Sid: 'OwnDevice',
          Effect: 'Allow',
          Action: ['iam:DeactivateMFADevice', 'iam:ResyncMFADevice'],
          Resource: ownUser,
          Condition: recentMfa(mfaAgeS),
        },
        why: 'A user may replace the device or set its clock right, with a code of the present one.',
        without: 'A new phone needs an administrator.',
      },
    );
  }
  return statements;
}

/**
 * What the person shall not do even where another policy allows it. A Deny is not needed for
 * anything to work: its absence is a door.
 */
export function guardStatements({
  documents,
  features,
  place,
}: AccessRequest): ExplainedStatement[] {
  if (documents.length === 0) return [];
  const own = documents.filter(({ account }) => account === place.account);
  const guarded = new Set([PREFERENCES_DOCUMENT, ...own.map(({ name }) => name)]);
  const guards: ExplainedStatement[] = [
    {
      statement: {
        Sid: 'NoPreferenceChanges',
        Effect: 'Deny',
        Action: [
          'ssm:CreateDocument',
          'ssm:DeleteDocument',
          'ssm:UpdateDocument',
          'ssm:UpdateDocumentDefaultVersion',
        ],
        Resource: [...guarded].map(
          (name) => `arn:${place.partition}:ssm:*:${place.account}:document/${name}`,
        ),
      },
      why:
        'Who writes the session documents decides for everybody: which user shells run as, which ' +
        'commands they begin with, whether they are logged and encrypted.',
      without:
        'Nothing stops working. With another policy that allows documents to be changed, a person ' +
        'can run commands in the shells of all others and switch the log off.',
    },
  ];
  if (features.has('shell') || features.has('run')) {
    guards.push({
      statement: {
        Sid: 'NoRunAsChanges',
        Effect: 'Deny',
        Action: ['iam:TagRole', 'iam:TagUser', 'iam:UntagRole', 'iam:UntagUser', 'sts:TagSession'],
        Resource: '*',
        Condition: { 'ForAnyValue:StringEqualsIgnoreCase': { 'aws:TagKeys': 'SSMSessionRunAs' } },
      },
      why:
        'The tag SSMSessionRunAs of user, role or session names the user that shells run as, where ' +
        "the account's preferences have Run As enabled.",
      without:
        'Nothing stops working. With another policy that allows tags to be set, a person can choose ' +
        'whose shell it is.',
    });
  }
  return guards;
}
