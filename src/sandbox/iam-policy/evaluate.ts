import { matchesPattern } from '../wildcard.ts';
import { matchesArn } from './arn-match.ts';
import { conditionHolds } from './condition.ts';
import type { Policy, Statement } from './policy-document.ts';
import type { PolicyTemplate } from './policy-template.ts';
import type { RequestContext } from './request-context.ts';
import { matchesPrincipal } from './principal-match.ts';
import type { PrincipalMatch, RequestingPrincipal, RequestingService } from './principal-match.ts';

/** What is asked of IAM. */
export interface PolicyRequest {
  /** `service:Operation` */
  readonly action: string;
  /** An ARN, or `*` for actions that know no resources. */
  readonly resource: string;
  readonly context: RequestContext;
}

/** A policy and where it comes from. */
export interface PolicySource {
  /** As the simulator names it: the policy's name. */
  readonly id: string;
  readonly type: 'user' | 'group' | 'role' | 'aws-managed' | 'user-managed' | 'resource' | 'none';
  readonly policy: Policy;
}

/** All that counts for a request. An empty `boundary` or `session` allows nothing; none: no limit. */
export interface PolicySet {
  readonly identity: readonly PolicySource[];
  readonly boundary?: readonly PolicySource[] | undefined;
  readonly session?: readonly PolicySource[] | undefined;
  /** A policy of the resource, which then must allow the principal: a role's trust policy. */
  readonly resource?: {
    readonly source: PolicySource;
    readonly principal: RequestingPrincipal | RequestingService;
  };
}

export type Layer = 'identity' | 'boundary' | 'session' | 'resource';

export interface MatchedStatement {
  readonly source: PolicySource;
  readonly statement: Statement;
}

export interface Evaluation {
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /** What denied: the kind of policy with the explicit deny, or that lacks the allow. */
  readonly deniedBy?: Layer;
  /** The statements that decided; none for an implicit deny. */
  readonly matched: readonly MatchedStatement[];
  /** Keys that statements for this action and resource ask about and the request does not have. */
  readonly missingKeys: readonly string[];
  /** False when a permissions boundary is there and does not allow the action. */
  readonly withinBoundary: boolean;
}

interface LayerResult {
  readonly allows: MatchedStatement[];
  readonly denies: MatchedStatement[];
}

/**
 * IAM's decision ("Policy evaluation logic" of the IAM User Guide, one account): an explicit deny
 * anywhere wins; then what grants must allow, and what limits must allow as well.
 */
export function evaluate(policies: PolicySet, request: PolicyRequest): Evaluation {
  const missing = new Set<string>();
  const layer = (sources: readonly PolicySource[] | undefined): LayerResult =>
    evaluateLayer(sources ?? [], request, missing);
  const results: Record<Layer, LayerResult> = {
    identity: layer(policies.identity),
    boundary: layer(policies.boundary),
    session: layer(policies.session),
    resource: layer(policies.resource === undefined ? [] : [policies.resource.source]),
  };
  const grant = resourceGrant(policies, results.resource);
  const withinBoundary = policies.boundary === undefined || results.boundary.allows.length > 0;
  const facts = { missingKeys: [...missing], withinBoundary };
  for (const name of LAYERS) {
    const denies = results[name].denies.filter((matched) => appliesTo(matched, policies));
    if (denies.length > 0) {
      return { decision: 'explicitDeny', deniedBy: name, matched: denies, ...facts };
    }
  }
  const lacking = lackingLayer(policies, results, grant.strongest, withinBoundary);
  if (lacking !== undefined) {
    return { decision: 'implicitDeny', deniedBy: lacking, matched: [], ...facts };
  }
  return { decision: 'allowed', matched: [...results.identity.allows, ...grant.allows], ...facts };
}

const LAYERS: readonly Layer[] = ['identity', 'boundary', 'session', 'resource'];

/** The first kind of policy that would have to allow the request and does not. */
function lackingLayer(
  policies: PolicySet,
  results: Record<Layer, LayerResult>,
  grant: PrincipalMatch,
  withinBoundary: boolean,
): Layer | undefined {
  if (policies.resource !== undefined && grant === 'none') return 'resource';
  // A user or a session named by its own ARN needs nothing else; its boundary limits explicitly only.
  if (grant === 'self') return undefined;
  // A role named by its ARN is granted the action, within its limits; an account delegates to IAM.
  const isGranted = grant === 'role' || results.identity.allows.length > 0;
  if (!isGranted) return 'identity';
  if (!withinBoundary) return 'boundary';
  if (policies.session !== undefined && results.session.allows.length === 0) return 'session';
  return undefined;
}

/** What the resource's policy grants to the principal, by the closest way it names it. */
function resourceGrant(
  { resource }: PolicySet,
  { allows }: LayerResult,
): { strongest: PrincipalMatch; allows: MatchedStatement[] } {
  if (resource === undefined) return { strongest: 'none', allows: [] };
  const matches = allows.map((matched) => ({
    matched,
    how: matchesPrincipal(matched.statement.principals, resource.principal),
  }));
  const order: readonly PrincipalMatch[] = ['self', 'role', 'account'];
  const strongest = order.find((how) => matches.some((match) => match.how === how)) ?? 'none';
  return {
    strongest,
    allows: matches.filter(({ how }) => how !== 'none').map(({ matched }) => matched),
  };
}

function appliesTo({ statement }: MatchedStatement, { resource }: PolicySet): boolean {
  if (statement.principals === undefined || resource === undefined) return true;
  return matchesPrincipal(statement.principals, resource.principal) !== 'none';
}

function evaluateLayer(
  sources: readonly PolicySource[],
  request: PolicyRequest,
  missing: Set<string>,
): LayerResult {
  const result: LayerResult = { allows: [], denies: [] };
  for (const source of sources) {
    for (const statement of source.policy.statements) {
      if (!matchesAction(statement, request.action)) continue;
      noteMissing(statement, request, missing);
      if (!matchesResource(statement, request)) continue;
      if (!statement.conditions.every((each) => conditionHolds(each, request.context))) continue;
      result[statement.effect === 'Allow' ? 'allows' : 'denies'].push({ source, statement });
    }
  }
  return result;
}

function matchesAction({ actions }: Statement, action: string): boolean {
  const wanted = action.toLowerCase();
  return actions.patterns.some((pattern) => matchesPattern(pattern, wanted)) !== actions.not;
}

function matchesResource({ resources }: Statement, request: PolicyRequest): boolean {
  const fits = (template: PolicyTemplate): boolean => {
    const pattern = template.pattern(request.context);
    return pattern !== undefined && matchesArn(pattern, request.resource);
  };
  return resources.templates.some(fits) !== resources.not;
}

function noteMissing(statement: Statement, { context }: PolicyRequest, missing: Set<string>): void {
  for (const key of askedKeys(statement)) {
    if (context.values(key) === undefined) missing.add(key);
  }
}

/** Every context key that policies ask about, once each, sorted. */
export function contextKeys(policies: readonly Policy[]): string[] {
  const keys = policies.flatMap(({ statements }) => statements.flatMap(askedKeys));
  return [...new Set(keys)].sort();
}

/** Keys of conditions, and of variables that have no default. */
function askedKeys({ conditions, resources }: Statement): string[] {
  const variables = (templates: readonly PolicyTemplate[]): string[] =>
    templates.flatMap((template) => template.requiredKeys);
  return [
    ...variables(resources.templates),
    ...conditions.flatMap(({ key, wanted }) => [key, ...variables(wanted)]),
  ];
}
