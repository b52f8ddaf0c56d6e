import { oneDocument } from '../generated-policy.ts';
import type { GeneratedPolicy, PolicySection } from '../generated-policy.ts';
import { cdk } from './cdk.ts';
import { cloudFormation } from './cloudformation.ts';
import type { PolicyFormat } from './formats.ts';
import { terraform } from './terraform.ts';
import type { PolicyTemplate } from './template.ts';

/**
 * A policy in a format. JSON is one policy document; the others are all that is needed around it.
 *
 * @throws DevaccessError those of `oneDocument`
 */
export function renderPolicy(
  policy: GeneratedPolicy,
  format: PolicyFormat,
  choice: { section: PolicySection; part: number | undefined },
): string {
  if (format === 'json') {
    return JSON.stringify(oneDocument(policy, choice.section, choice.part), null, 2);
  }
  const template: PolicyTemplate = {
    kind: policy.kind,
    name: policy.name,
    policies: policy.policies,
    trust: policy.trustPolicy ?? undefined,
    managedPolicyArns: policy.managedPolicyArns,
    explained: policy.statements.filter(({ section }) => section !== 'assume'),
  };
  switch (format) {
    case 'cloudformation':
      return cloudFormation(template);
    case 'terraform':
      return terraform(template);
    case 'cdk':
      return cdk(template);
  }
}
