import { accessRequest } from '../policy/access-request.ts';
import type { AccessWords } from '../policy/access-request.ts';
import { combinedFindings, everythingFinding, mfaBypassFindings } from './combined-findings.ts';
import { PolicyBench } from './exemplars.ts';
import { bySeverity, SEVERITIES } from './finding.ts';
import type { Finding, Severity } from './finding.ts';
import { formFindings } from './form-findings.ts';
import { grantFindings } from './grant-findings.ts';
import { lacks, notNeeded } from './lacks.ts';
import type { Lack } from './lacks.ts';
import { parsePolicyJson } from './policy-json.ts';
import { readPolicy } from './read-policy.ts';
import type { ReviewedPolicy } from './reviewed-policy.ts';
import { sessionFindings } from './session-findings.ts';

/** What `devaccess iam policy --diff --json` prints. */
export interface PolicyReview {
  source: string;
  holder: 'user' | 'role';
  findings: Finding[];
  counts: Record<Severity, number>;
  /** What devaccess needs and is not allowed. */
  lacks: Lack[];
  /** Actions that are allowed and not needed. */
  notNeeded: string[];
  notices: string[];
}

/** What the policy is compared with, as far as it was said; the rest is taken from its ARNs. */
export type ReviewWords = Omit<AccessWords, 'account'> & { account: string | undefined };

/**
 * Reviews a policy of users or of a role: what it lets happen that it should not, what it does not
 * do though it looks so, and what devaccess needs besides. It sees this policy alone: another one
 * may allow more, and boundaries and organizations less.
 *
 * @param source for people: the name of the file
 * @throws DevaccessError DA_POLICY_INVALID, DA_USAGE
 */
export function reviewPolicy(text: string, source: string, words: ReviewWords): PolicyReview {
  const { policy, findings: faults } = readPolicy(parsePolicyJson(text, source), source);
  const bench = new PolicyBench(policy, words.kind);
  const everything = everythingFinding(bench);
  const findings = [
    ...faults,
    ...everything,
    // Where all is allowed, each call by itself is no news, but for those that get round MFA.
    ...(everything.length > 0
      ? mfaBypasses(bench)
      : [...grantFindings(bench), ...combinedFindings(bench)]),
    ...sessionFindings(bench),
    ...formFindings(bench),
  ].sort(bySeverity);
  const { account, regions, notices } = placeFrom(policy, words);
  const request = accessRequest({ ...words, account, regions });
  const counts = Object.fromEntries(
    SEVERITIES.map((each) => [each, findings.filter(({ severity }) => severity === each).length]),
  ) as Record<Severity, number>;
  return {
    source,
    holder: words.kind,
    findings,
    counts,
    lacks: lacks(bench, request),
    notNeeded: notNeeded(bench, request),
    notices,
  };
}

function mfaBypasses(bench: PolicyBench): Finding[] {
  const isOpen = bench.allows('ssm:StartSession', bench.nodes, { mfa: 'none' }) !== undefined;
  return isOpen ? [] : mfaBypassFindings(bench);
}

/** Whether a policy should not go on like this: what exit code 1 stands for. */
export function isSevere({ counts }: PolicyReview): boolean {
  return counts.critical + counts.high > 0;
}

/** For the statements to add: account and regions as given, else as the policy's own ARNs have them. */
function placeFrom(
  { statements }: ReviewedPolicy,
  { account, regions }: ReviewWords,
): { account: string; regions: readonly string[]; notices: string[] } {
  const fields = statements.flatMap(({ resources }) => resources).map((arn) => arn.split(':'));
  const own = fields.map((parts) => parts[4] ?? '').find((text) => /^\d{12}$/.test(text));
  const named = fields
    .map((parts) => parts[3] ?? '')
    .filter((text) => /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/.test(text));
  const isPlaceless = account === undefined && own === undefined;
  return {
    account: account ?? own ?? '000000000000',
    regions: regions.length > 0 ? regions : named.length > 0 ? [...new Set(named)] : ['us-east-1'],
    notices: isPlaceless
      ? ['the policy names no account: give --account for statements that can be used as they are']
      : [],
  };
}
