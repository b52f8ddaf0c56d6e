import type { AccessRequest } from './access-request.ts';
import { RUN_COMMAND_DOCUMENT } from './features.ts';
import { mfaCondition, nodeArns, nodeConditions, nodeWords } from './node-scope.ts';
import type { ExplainedStatement } from './policy-document.ts';

/** Shell lines by Run Command: `devaccess run --via run-command`, and reading host keys. */
export function runCommandStatements(request: AccessRequest): ExplainedStatement[] {
  const { features, place } = request;
  const users = [
    ...(features.has('run-command') ? ['devaccess run --via run-command'] : []),
    ...(features.has('trust') ? ['devaccess hosts trust'] : []),
  ];
  if (users.length === 0) return [];
  const mfa = mfaCondition(request);
  const use = users.join(' and ');
  const withMfa = Object.keys(mfa).length > 0 ? { Condition: mfa } : {};
  return [
    ...nodeConditions(request, 'ssm').map(({ scope, condition }): ExplainedStatement => {
      const all = { ...condition, ...mfa };
      return {
        statement: {
          Sid: `SendTo${scope}`,
          Effect: 'Allow',
          Action: 'ssm:SendCommand',
          Resource: nodeArns(request, scope),
          ...(Object.keys(all).length > 0 ? { Condition: all } : {}),
        },
        why: `Commands may be sent to ${nodeWords(request, scope)}. They run as root there.`,
        without: `${use}: AccessDenied for SendCommand on ${nodeWords(request, scope)}.`,
      };
    }),
    {
      statement: {
        Sid: 'SendShellScripts',
        Effect: 'Allow',
        Action: 'ssm:SendCommand',
        Resource: place.regions.map(
          (region) => `arn:${place.partition}:ssm:${region}::document/${RUN_COMMAND_DOCUMENT}`,
        ),
        ...withMfa,
      },
      why: `What is sent are lines for the shell: ${use}. Any line: this is root on the nodes.`,
      without: `${use}: AccessDenied for the document ${RUN_COMMAND_DOCUMENT}.`,
    },
    {
      statement: {
        Sid: 'CommandResults',
        Effect: 'Allow',
        Action: [
          'ssm:CancelCommand',
          'ssm:GetCommandInvocation',
          // Of many nodes at a time.
          ...(features.has('trust') ? ['ssm:ListCommandInvocations'] : []),
        ],
        Resource: '*',
      },
      why: 'Output is read, and commands are cancelled on Ctrl-C. IAM knows no resources for these calls.',
      without: `${use}: commands run, and their output is never seen.`,
    },
  ];
}

/** Keys pushed for a minute by EC2 Instance Connect, in place of keys that lie on servers. */
export function instanceConnectStatements(request: AccessRequest): ExplainedStatement[] {
  if (!request.features.has('instance-connect')) return [];
  const mfa = mfaCondition(request);
  const user =
    request.osUser === undefined ? {} : { StringEquals: { 'ec2:osuser': request.osUser } };
  return nodeConditions(request, 'aws').flatMap(({ scope, condition }): ExplainedStatement[] => {
    const instances = nodeArns(request, scope).filter((arn) => arn.includes(':ec2:'));
    if (instances.length === 0) return [];
    const all = {
      ...condition,
      ...mfa,
      ...('StringEquals' in user
        ? { StringEquals: { ...condition['StringEquals'], ...user.StringEquals } }
        : {}),
    };
    return [
      {
        statement: {
          Sid: `PushKeysTo${scope}`,
          Effect: 'Allow',
          Action: 'ec2-instance-connect:SendSSHPublicKey',
          Resource: instances,
          ...(Object.keys(all).length > 0 ? { Condition: all } : {}),
        },
        why:
          `SSH keys may be pushed for a minute to ${nodeWords(request, scope)}` +
          (request.osUser === undefined
            ? ', for any user there, root as well: --os-user names one.'
            : ', for the one user that is named.'),
        without: 'ssh with pushed keys is refused; keys that lie on the server still work.',
      },
    ];
  });
}
