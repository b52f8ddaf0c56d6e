import type { CallerIdentity } from '../caller.ts';
import type { Evaluation, Layer } from '../iam-policy/evaluate.ts';
import { ServiceError } from '../service-error.ts';

const POLICY_WORDS: Readonly<Record<Layer, string>> = {
  identity: 'identity-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  resource: 'resource-based policy',
};

interface DeniedRequest {
  readonly action: string;
  readonly resource: string;
  readonly label?: string;
  readonly askedBy?: string;
}

/** A refusal in the words of AWS, with the code and the form that the action's service uses. */
export function denialOf(
  caller: CallerIdentity,
  { action, resource, label = resource, askedBy }: DeniedRequest,
  evaluation: Pick<Evaluation, 'decision' | 'deniedBy'>,
): ServiceError {
  const service = askedBy ?? action.split(':')[0];
  const subject = `User: ${caller.arn} is not authorized to perform: ${action}`;
  const on = label === '*' ? '' : ` on resource: ${label}`;
  const message = `${subject}${on} ${reason(action, evaluation)}`;
  switch (service) {
    case 'iam':
    case 'sts':
      return new ServiceError('AccessDenied', message, 403);
    case 'rolesanywhere':
      return new ServiceError('AccessDeniedException', message, 403);
    case 'ec2':
      return new ServiceError(
        'UnauthorizedOperation',
        `You are not authorized to perform this operation. ${message}`,
        403,
      );
    default:
      return new ServiceError('AccessDeniedException', '', 400, { Message: message });
  }
}

function reason(
  action: string,
  { decision, deniedBy = 'identity' }: Pick<Evaluation, 'decision' | 'deniedBy'>,
): string {
  const words = POLICY_WORDS[deniedBy];
  if (decision === 'implicitDeny') return `because no ${words} allows the ${action} action`;
  const article = deniedBy === 'identity' ? 'an' : 'a';
  return `with an explicit deny in ${article} ${words}`;
}
