import type { SandboxAccount } from '../account.ts';
import type { Call } from '../http/service.ts';
import { evaluate } from '../iam-policy/evaluate.ts';
import type { Evaluation, PolicySet } from '../iam-policy/evaluate.ts';
import type { ContextValue } from '../iam-policy/request-context.ts';
import { callerContext } from './caller-context.ts';
import { callerPolicies } from './caller-policies.ts';
import { denialOf } from './denial.ts';

export interface AccessRequest {
  /** `service:Operation` */
  readonly action: string;
  /** An ARN, or `*` for actions that know no resources. */
  readonly resource: string;
  /** Keys that the service adds, such as tags of the resource. */
  readonly context?: Readonly<Record<string, ContextValue>>;
  /** What a refusal calls the resource, where that is not its ARN. */
  readonly label?: string;
  /** The service whose form a refusal has, where that is not the action's own. */
  readonly askedBy?: string;
}

/** Asks the account's policies whether a caller may do something, as every AWS service does. */
export class AccessControl {
  readonly #account: SandboxAccount;
  readonly #now: () => number;

  constructor(account: SandboxAccount, now: () => number) {
    this.#account = account;
    this.#now = now;
  }

  /** @throws ServiceError in the service's own form, when the caller may not */
  require(call: Call, request: AccessRequest): void {
    const evaluation = this.decide(call, request);
    if (evaluation.decision !== 'allowed') throw denialOf(call.caller, request, evaluation);
  }

  /** @param resourcePolicy a policy of the resource that must allow the caller, too */
  decide(
    { caller, region, sourceIp = '127.0.0.1', userAgent }: Call,
    { action, resource, context = {} }: AccessRequest,
    resourcePolicy?: PolicySet['resource'],
  ): Evaluation {
    const facts = { region, sourceIp, userAgent, nowMs: this.#now() };
    return evaluate(
      {
        ...callerPolicies(this.#account, caller),
        ...(resourcePolicy === undefined ? {} : { resource: resourcePolicy }),
      },
      {
        action,
        resource,
        context: callerContext(this.#account, caller, facts).with(context),
      },
    );
  }
}
