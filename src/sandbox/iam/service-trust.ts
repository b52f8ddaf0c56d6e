import { evaluate } from '../iam-policy/evaluate.ts';
import { RequestContext } from '../iam-policy/request-context.ts';
import type { ContextValue } from '../iam-policy/request-context.ts';
import type { IamRole } from './entities.ts';

/**
 * Whether a role's trust policy lets a service of AWS hand out its sessions.
 * @param actions all that the service does with the role: `sts:AssumeRole`, …
 */
export function trustsService(
  role: IamRole,
  service: string,
  actions: readonly string[],
  context: Readonly<Record<string, ContextValue>>,
): boolean {
  const resource = {
    source: { id: 'AssumeRolePolicy', type: 'resource', policy: role.trustPolicy.policy },
    principal: { service },
  } as const;
  const requestContext = RequestContext.of(context);
  return actions.every(
    (action) =>
      evaluate({ identity: [], resource }, { action, resource: role.arn, context: requestContext })
        .decision === 'allowed',
  );
}
