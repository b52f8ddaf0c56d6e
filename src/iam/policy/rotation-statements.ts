import type { AccessRequest } from './access-request.ts';
import { NODE_CREDENTIALS_DOCUMENTS } from './features.ts';
import { mfaCondition, nodeArns, nodeConditions, nodeWords, regionalArns } from './node-scope.ts';
import type { ExplainedStatement } from './policy-document.ts';

/** Credentials for nodes outside AWS: `devaccess nodes rotate` (docs/node-rotation.md). */
export function rotationStatements(request: AccessRequest): ExplainedStatement[] {
  if (!request.features.has('rotate-nodes')) return [];
  const { nodeRoles, kmsKeys } = request;
  const mfa = mfaCondition(request);
  const withMfa = Object.keys(mfa).length > 0 ? { Condition: mfa } : {};
  const allow = (
    Sid: string,
    Action: readonly string[],
    Resource: string | readonly string[],
    [why, without]: readonly [string, string],
  ): ExplainedStatement => ({
    statement: { Sid, Effect: 'Allow', Action, Resource, ...withMfa },
    why,
    without,
  });
  const roles = allow('AssumeNodeRoles', ['sts:AssumeRole'], nodeRoles, [
    'The role that nodes get is assumed for each of them. Its trust policy must let the caller, too.',
    "nodes rotate: AccessDenied for AssumeRole, unless the role's trust policy names the caller.",
  ]);
  const keys = allow('NodeParameterKeys', ['kms:Encrypt', 'kms:GenerateDataKey'], kmsKeys, [
    'Parameters of --via parameter are encrypted with this key.',
    'nodes rotate --via parameter: AccessDenied for the KMS key.',
  ]);
  return [
    ...(nodeRoles.length > 0 ? [roles] : []),
    ...nodeConditions(request, 'ssm').flatMap(({ scope, condition }): ExplainedStatement[] => {
      // Instances of EC2 have a role of their own.
      const nodes = nodeArns(request, scope).filter((arn) => arn.includes(':managed-instance/'));
      if (nodes.length === 0) return [];
      const all = { ...condition, ...mfa };
      return [
        {
          statement: {
            Sid: `RotateOn${scope}`,
            Effect: 'Allow',
            Action: 'ssm:SendCommand',
            Resource: nodes,
            ...(Object.keys(all).length > 0 ? { Condition: all } : {}),
          },
          why: `The command that brings credentials is sent to ${nodeWords(request, scope)}.`,
          without: `nodes rotate: AccessDenied for SendCommand on ${nodeWords(request, scope)}.`,
        },
      ];
    }),
    allow(
      'RotationDocuments',
      ['ssm:CreateDocument', 'ssm:DescribeDocument', 'ssm:GetDocument', 'ssm:SendCommand'],
      NODE_CREDENTIALS_DOCUMENTS.flatMap((name) => regionalArns(request, `document/${name}`)),
      [
        'The two documents of devaccess are made, looked at, and sent. They cannot be changed by it (for --update-document an administrator is needed), but while one is not there, who may make it decides what runs as root: run it once as administrator, then take ssm:CreateDocument away.',
        'nodes rotate: AccessDenied for its document.',
      ],
    ),
    allow(
      'NodeParameters',
      ['ssm:DeleteParameters', 'ssm:PutParameter'],
      regionalArns(request, 'parameter/devaccess/creds/*'),
      [
        'Where --via parameter leaves the credentials of each node, until it has fetched them. Written, and never read.',
        'nodes rotate --via parameter: AccessDenied for PutParameter; or, for DeleteParameters, they stay.',
      ],
    ),
    ...(kmsKeys.length > 0 ? [keys] : []),
    allow(
      'RotationResults',
      ['ssm:CancelCommand', 'ssm:DescribeInstanceInformation', 'ssm:ListCommandInvocations'],
      '*',
      [
        'Nodes are listed, their results read, and commands cancelled on Ctrl-C. IAM knows no resources for these calls.',
        'nodes rotate finds no nodes, or waits for results in vain.',
      ],
    ),
  ];
}
