import type { ClientOptions } from './client-settings.ts';
import { iamCall } from './iam-calls.ts';

/** A key of a request, as the simulator is told it. */
export interface SimulatedKey {
  name: string;
  type: 'string' | 'boolean' | 'numeric';
  values: readonly string[];
}

export interface SimulatedRequest {
  /** ARN of a user, group or role. */
  principal: string;
  actions: readonly string[];
  /** An ARN, or `*`. */
  resource: string;
  keys: readonly SimulatedKey[];
}

/** What IAM decides; the words are its own. */
export type SimulatedDecision = 'allowed' | 'explicitDeny' | 'implicitDeny';

/** More than there are actions to ask about. */
const MAX_PAGES = 20;

/**
 * Asks IAM what it would decide, without doing anything.
 *
 * @returns decisions by action, in lower case; an action that IAM says nothing of is missing
 * @throws DevaccessError DA_ACCESS_DENIED without iam:SimulatePrincipalPolicy, DA_IAM_NOT_FOUND for a
 *   principal that is not there, and those of `iamError`
 */
export function simulate(
  options: ClientOptions,
  { principal, actions, resource, keys }: SimulatedRequest,
): Promise<Map<string, SimulatedDecision>> {
  return iamCall(options, { operation: 'SimulatePrincipalPolicy' }, async (client) => {
    const { SimulatePrincipalPolicyCommand } = await import('./iam-commands.ts');
    const decisions = new Map<string, SimulatedDecision>();
    let marker: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const answer = await client.send(
        new SimulatePrincipalPolicyCommand({
          PolicySourceArn: principal,
          ActionNames: [...actions],
          ResourceArns: [resource],
          ContextEntries: keys.map(({ name, type, values }) => ({
            ContextKeyName: name,
            ContextKeyType: values.length > 1 ? `${type}List` : type,
            ContextKeyValues: [...values],
          })),
          Marker: marker,
        }),
      );
      for (const { EvalActionName: action, EvalDecision: decision } of answer.EvaluationResults ??
        []) {
        if (action === undefined) continue;
        const isKnown = decision === 'allowed' || decision === 'explicitDeny';
        decisions.set(action.toLowerCase(), isKnown ? decision : 'implicitDeny');
      }
      if (answer.IsTruncated !== true || answer.Marker === undefined) break;
      marker = answer.Marker;
    }
    return decisions;
  });
}
