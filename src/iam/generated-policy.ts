import { DevaccessError, EXIT } from '../platform/errors.ts';
import { accessPolicy } from './policy/access-policy.ts';
import { accessRequest } from './policy/access-request.ts';
import type { AccessWords } from './policy/access-request.ts';
import { instancePolicy } from './policy/instance-policy.ts';
import { policyOf } from './policy/policy-document.ts';
import type { ExplainedStatement, PolicyDocument } from './policy/policy-document.ts';
import { iamName, kmsKeyArn, policyPlace } from './policy/policy-scope.ts';
import type { PolicyPlace } from './policy/policy-scope.ts';
import { policySize, splitPolicy, TRUST_LIMIT } from './policy/policy-size.ts';
import type { PolicySize } from './policy/policy-size.ts';
import { groupRules } from './policy/security-groups.ts';
import type { GroupRule } from './policy/security-groups.ts';

/** Where a statement belongs: what is allowed, who may assume the role, what they need for it. */
export type PolicySection = 'permissions' | 'trust' | 'assume';

export interface GeneratedStatement extends ExplainedStatement {
  section: PolicySection;
}

/** A policy with all that is to be known of it: what `devaccess iam policy --json` prints. */
export interface GeneratedPolicy {
  kind: 'user' | 'role' | 'instance';
  name: string;
  place: PolicyPlace;
  /** One, or where it is too long for one, its parts. */
  policies: PolicyDocument[];
  /** Of the whole. */
  size: PolicySize;
  trustPolicy: PolicyDocument | null;
  assumePolicy: PolicyDocument | null;
  managedPolicyArns: string[];
  statements: GeneratedStatement[];
  securityGroups: GroupRule[];
  notices: string[];
}

/** The policy of those who reach servers. @throws DevaccessError DA_USAGE, DA_POLICY_SIZE */
export function callerPolicy(words: AccessWords): GeneratedPolicy {
  const request = accessRequest(words);
  const { permissions, trust, assume, notices } = accessPolicy(request);
  const { kind, name, place } = request;
  return { ...generated(permissions, trust, assume), kind, name, place, notices, ...withoutNode };
}

const withoutNode = { managedPolicyArns: [], securityGroups: [] };

export interface InstanceWords {
  account: string;
  regions: readonly string[];
  name: string;
  managed: boolean;
  features: readonly string[];
  kmsKeys: readonly string[];
}

/** The policy of the servers. @throws DevaccessError DA_USAGE */
export function nodePolicy(words: InstanceWords): GeneratedPolicy {
  const place = policyPlace(words.account, words.regions);
  const runCommand = ['run-command', 'trust'].some((feature) => words.features.includes(feature));
  const { permissions, trust, managedPolicyArns, notices } = instancePolicy({
    place,
    managed: words.managed,
    runCommand,
    kmsKeys: words.kmsKeys.map((text) => kmsKeyArn(text, place)),
  });
  return {
    ...generated(permissions, trust, undefined),
    kind: 'instance',
    name: iamName(words.name, 64),
    place,
    managedPolicyArns,
    securityGroups: groupRules(place.regions),
    notices,
  };
}

function generated(
  permissions: readonly ExplainedStatement[],
  trust: ExplainedStatement | undefined,
  assume: ExplainedStatement | undefined,
) {
  const whole = policyOf(permissions);
  const trustPolicy = trust === undefined ? null : policyOf([trust]);
  if (trustPolicy !== null && policySize(trustPolicy).characters > TRUST_LIMIT) {
    throw new DevaccessError('DA_POLICY_SIZE', 'The trust policy is longer than IAM takes', {
      next: 'trust the account instead of so many users, and give those the policy of --show assume',
    });
  }
  const statements: GeneratedStatement[] = [
    ...permissions.map((each) => ({ ...each, section: 'permissions' as const })),
    ...(trust === undefined ? [] : [{ ...trust, section: 'trust' as const }]),
    ...(assume === undefined ? [] : [{ ...assume, section: 'assume' as const }]),
  ];
  return {
    policies: permissions.length === 0 ? [] : splitPolicy(whole.Statement),
    size: policySize(whole),
    trustPolicy,
    assumePolicy: assume === undefined ? null : policyOf([assume]),
    statements,
  };
}

/**
 * The one document that `--format json` prints, as `aws iam put-…-policy` takes it.
 *
 * @param part which of several, from 1
 * @throws DevaccessError DA_USAGE where there is none, DA_POLICY_SIZE where there are several
 */
export function oneDocument(
  policy: GeneratedPolicy,
  section: PolicySection,
  part: number | undefined,
): PolicyDocument {
  const { policies, managedPolicyArns, trustPolicy, assumePolicy, size } = policy;
  if (section !== 'permissions') {
    const document = section === 'trust' ? trustPolicy : assumePolicy;
    if (document !== null) return document;
    throw usage(`There is no ${section} policy here`, 'it belongs to a role: give --role');
  }
  const document = policies[(part ?? 1) - 1];
  if (policies.length > 1 && part === undefined) {
    throw new DevaccessError(
      'DA_POLICY_SIZE',
      `The policy has ${size.characters} characters, and a managed policy of IAM takes 6144`,
      {
        next: `print it in ${policies.length} parts with --part 1 to ${policies.length}; the other formats attach all parts`,
      },
    );
  }
  if (document !== undefined) return document;
  if (policies.length === 0) {
    throw usage(
      'There is no policy of your own to print',
      `attach ${managedPolicyArns.join(', ')}; --show trust prints who may assume the role`,
    );
  }
  throw usage(`There is no part ${part ?? 1}`, `the policy has ${policies.length}`);
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
