import { conditionsHold, contextVariables } from './conditions.ts';
import type { RequestContext, Verdict } from './conditions.ts';
import { matches, readPattern } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import type { ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts';

export interface PolicyRequest {
  action: string;
  resource: string;
  context: RequestContext;
}

/** That a policy allows a request. */
export interface Allowance {
  statement: ReviewedStatement;
  /** False where it depends on conditions that nobody here can know. */
  certain: boolean;
}

/**
 * IAM's decision for one policy alone: an Allow that matches, and no Deny. Where conditions are not
 * known, the doubt is against the policy: such an Allow counts, such a Deny does not.
 *
 * @returns undefined where the request is refused
 */
export function evaluate(policy: ReviewedPolicy, request: PolicyRequest): Allowance | undefined {
  let found: Allowance | undefined;
  let isDoubtful = false;
  for (const statement of policy.statements) {
    const applies = statementApplies(policy, statement, request);
    if (applies === 'no') continue;
    if (statement.effect === 'Deny') {
      if (applies === 'yes') return undefined;
      isDoubtful = true;
    } else if (found?.certain !== true) {
      found = { statement, certain: applies === 'yes' };
    }
  }
  return found === undefined ? undefined : { ...found, certain: found.certain && !isDoubtful };
}

function statementApplies(
  { hasVariables }: ReviewedPolicy,
  statement: ReviewedStatement,
  { action, resource, context }: PolicyRequest,
): Verdict {
  const { actions, resources } = readOnce(statement);
  const named = actions.some((pattern) => matches(pattern, action, true));
  if (named === statement.allBut) return 'no';
  const variables = hasVariables ? contextVariables(context) : undefined;
  let matched: Verdict = 'no';
  for (const read of resources) {
    const pattern = typeof read === 'string' ? readPattern(read, variables) : read;
    if (pattern === null) matched = matched === 'no' ? 'maybe' : matched;
    else if (pattern !== undefined && matches(pattern, resource)) matched = 'yes';
  }
  if (statement.allResourcesBut) {
    matched = matched === 'yes' ? 'no' : matched === 'no' ? 'yes' : 'maybe';
  }
  if (matched === 'no') return 'no';
  const holds = conditionsHold(statement, context, hasVariables);
  return holds === 'yes' ? matched : holds;
}

interface ReadStatement {
  actions: readonly Pattern[];
  /** Those with variables are read anew for each request. */
  resources: readonly (Pattern | string)[];
}

const statementsRead = new WeakMap<ReviewedStatement, ReadStatement>();

/** A review asks thousands of requests. */
function readOnce(statement: ReviewedStatement): ReadStatement {
  const known = statementsRead.get(statement);
  if (known !== undefined) return known;
  const plain = (text: string): Pattern => readPattern(text, undefined) ?? [];
  const read = {
    actions: statement.actions.map(plain),
    resources: statement.resources.map((text) => (text.includes('${') ? text : plain(text))),
  };
  statementsRead.set(statement, read);
  return read;
}
