import type { GeneratedPolicy, PolicySection } from './generated-policy.ts';
import { POLICY_LIMITS } from './policy/policy-size.ts';

const TITLES: Readonly<Record<PolicySection, string>> = {
  permissions: 'What is allowed and denied',
  trust: 'Who may assume the role',
  assume: 'What those need who assume it',
};

/** What each statement is there for and what leaving it out breaks, for a person to read. */
export function explanation(policy: GeneratedPolicy): string[] {
  const lines: string[] = [];
  for (const section of ['permissions', 'trust', 'assume'] as const) {
    const statements = policy.statements.filter((each) => each.section === section);
    if (statements.length === 0) continue;
    if (lines.length > 0) lines.push('');
    lines.push(`# ${TITLES[section]}`);
    for (const { statement, why, without } of statements) {
      const json = JSON.stringify(statement, null, 2).split('\n');
      lines.push('', statement.Sid, `  why:     ${why}`, `  without: ${without}`);
      lines.push(...json.map((line) => `  ${line}`));
    }
  }
  for (const arn of policy.managedPolicyArns) {
    lines.push('', `# Policies of AWS to attach`, '', arn);
  }
  if (policy.securityGroups.length > 0) {
    lines.push('', '# Security groups', '');
    for (const { of, direction, ports, peer, why } of policy.securityGroups) {
      const way = direction === 'inbound' ? 'from' : 'to';
      lines.push(`${of}, ${direction}: ${ports} ${way} ${peer}`, `  why:     ${why}`);
    }
  }
  return lines;
}

/** Where the policy fits, for the line below it. */
export function sizeLine({ size, policies }: GeneratedPolicy): string {
  const fits = (Object.keys(POLICY_LIMITS) as (keyof typeof POLICY_LIMITS)[]).map(
    (form) => `${form} (${POLICY_LIMITS[form]}): ${size.fits[form] ? 'fits' : 'too long'}`,
  );
  const parts = policies.length > 1 ? `; split into ${policies.length} managed policies` : '';
  return `${size.characters} characters; ${fits.join(', ')}${parts}`;
}
