import type { RequestContext } from './conditions.ts';
import { evaluate } from './evaluation.ts';
import type { Allowance } from './evaluation.ts';
import type { StatementRef } from './finding.ts';
import type { ReviewedPolicy, ReviewedStatement } from './reviewed-policy.ts';

/** Whose policy it is: what their credentials bring to a request differs. */
export type PolicyHolder = 'user' | 'role';

/** What a request is made with; what is not said is not known. */
export interface Situation {
  mfa?: 'none' | 'fresh' | 'old';
  /** `ssm:SessionDocumentAccessCheck`: false where StartSession names no document. */
  documentCheck?: boolean;
  /** The node or other resource has no tag; else it has those that a policy asks for. */
  untagged?: boolean;
  /** Other keys, in lower case. */
  keys?: Readonly<Record<string, readonly string[] | 'absent'>>;
}

/** A node, user or session that no policy can have meant by name. */
export const ANY = {
  instance: 'i-0f0f0f0f0f0f0f0f0',
  hybrid: 'mi-0f0f0f0f0f0f0f0f0',
  ownName: 'review-person',
  ownId: 'AIDAREVIEWPERSON',
  otherName: 'another-person',
  otherId: 'AIDAANOTHERPERSON',
} as const;

const OLD_S = 129_000;
const MAX_PLACES = 60;
const RESOURCE_TAG = /^(ssm|aws|ec2|iam):resourcetag\//;
const SESSION_TAG = 'ssm:resourcetag/aws:ssmmessages:';

/**
 * Asks a policy about requests that stand for all of their kind: in each account and region that
 * its own ARNs name, and in one that none names.
 */
export class PolicyBench {
  readonly policy: ReviewedPolicy;
  readonly holder: PolicyHolder;
  readonly #places: readonly { partition: string; region: string; account: string }[];

  constructor(policy: ReviewedPolicy, holder: PolicyHolder) {
    this.policy = policy;
    this.holder = holder;
    this.#places = placesOf(policy);
  }

  /** The nodes that statements name, and one that none names. */
  get nodes(): string[] {
    const named = this.policy.statements
      .flatMap(({ resources }) => resources)
      .flatMap((arn) => /:((?:managed-)?instance\/m?i-[0-9a-f]{8,17})$/.exec(arn)?.[1] ?? []);
    const any = [`instance/${ANY.instance}`, `managed-instance/${ANY.hybrid}`];
    return [...any, ...new Set(named)].map((name) =>
      name.startsWith('instance/') ? `arn:P:ec2:R:A:${name}` : `arn:P:ssm:R:A:${name}`,
    );
  }

  /**
   * Whether a request is allowed anywhere.
   *
   * @param arns with P, R and A for partition, region and account; any of them will do
   */
  allows(
    action: string,
    arns: string | readonly string[],
    situation: Situation = {},
  ): (Allowance & { resource: string }) | undefined {
    let doubtful: (Allowance & { resource: string }) | undefined;
    for (const arn of typeof arns === 'string' ? [arns] : arns) {
      for (const place of this.#places) {
        const resource = filled(arn, place);
        const context = contextOf(this.holder, situation, resource);
        const allowance = evaluate(this.policy, { action, resource, context });
        if (allowance?.certain === true) return { ...allowance, resource };
        doubtful ??= allowance === undefined ? undefined : { ...allowance, resource };
      }
    }
    return doubtful;
  }
}

export function refOf({ index, sid }: ReviewedStatement): StatementRef {
  return { statement: index, sid };
}

/** Distinct references, in the order of the policy. */
export function refsOf(statements: readonly ReviewedStatement[]): StatementRef[] {
  return [...new Set(statements)].sort((left, right) => left.index - right.index).map(refOf);
}

/** An ARN with its placeholders P, R and A filled in. */
export function filled(
  arn: string,
  { partition, region, account }: { partition: string; region: string; account: string },
): string {
  return arn
    .replace(':P:', `:${partition}:`)
    .replace(':R:', `:${region}:`)
    .replace(':A:', `:${account}:`);
}

function placesOf(policy: ReviewedPolicy) {
  const fields = policy.statements
    .flatMap(({ resources }) => resources)
    .map((arn) => arn.split(':'))
    .filter(([arn]) => arn === 'arn');
  const at = (index: number, otherwise: string): string[] => {
    const named = fields.map((parts) => parts[index] ?? '').filter((text) => text !== '');
    // What a pattern leaves open is filled with anything.
    const texts = named.map((text) => text.replace(/[*?]/g, 'x'));
    return [...new Set([...texts.filter((text) => text !== 'x' && text !== 'aws'), otherwise])];
  };
  const places = at(1, 'aws').flatMap((partition) =>
    at(3, 'us-east-1').flatMap((region) =>
      at(4, '999999999999').map((account) => ({ partition, region, account })),
    ),
  );
  return places.slice(-MAX_PLACES);
}

/** `aws:userid` of those who hold the policy. */
export function ownId(holder: PolicyHolder): string {
  return holder === 'user' ? ANY.ownId : `AROAREVIEWROLE:${ANY.ownName}`;
}

/** What cannot be tagged has no tag, whatever a policy asks for; what one document has, nobody knows. */
function tagsOf(resource: string): 'absent' | 'fitting' | undefined {
  if (resource === '*' || resource.includes(':session/')) return 'absent';
  const [, account] = /:ssm:[^:]*:([^:]*):document\//.exec(resource) ?? [];
  if (account === undefined) return 'fitting';
  return account === '' ? 'absent' : undefined;
}

function contextOf(holder: PolicyHolder, situation: Situation, resource: string): RequestContext {
  const isUser = holder === 'user';
  const { mfa, documentCheck, untagged, keys = {} } = situation;
  const known = new Map<string, readonly string[] | 'absent'>([
    ['aws:username', isUser ? [ANY.ownName] : 'absent'],
    ['aws:userid', [ownId(holder)]],
    ['aws:principaltype', [isUser ? 'User' : 'AssumedRole']],
    ...(documentCheck === undefined
      ? []
      : ([['ssm:sessiondocumentaccesscheck', [String(documentCheck)]]] as const)),
  ]);
  // Sessions of a role carry no MFA, whatever its trust policy asked for.
  const effective = isUser ? mfa : 'none';
  if (effective === 'none') {
    known.set('aws:multifactorauthpresent', 'absent');
    known.set('aws:multifactorauthage', 'absent');
  } else if (effective !== undefined) {
    known.set('aws:multifactorauthpresent', ['true']);
    known.set('aws:multifactorauthage', [effective === 'fresh' ? '60' : String(OLD_S)]);
  }
  for (const [key, value] of Object.entries(keys)) known.set(key, value);
  return (name) => {
    const key = name.toLowerCase();
    const value = known.get(key);
    if (value !== undefined) return value;
    const isTag = RESOURCE_TAG.test(key) && !key.startsWith(SESSION_TAG);
    if (!isTag) return undefined;
    return untagged === true ? 'absent' : tagsOf(resource);
  };
}
