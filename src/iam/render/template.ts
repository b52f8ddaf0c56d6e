import type { ExplainedStatement, PolicyDocument } from '../policy/policy-document.ts';

/** What a template of any format makes: policies, and what they hang on. */
export interface PolicyTemplate {
  kind: 'user' | 'role' | 'instance';
  /** Of group, role, profile and policies. */
  name: string;
  /** Each within IAM's limit for managed policies. */
  policies: readonly PolicyDocument[];
  /** Of a role: who may assume it. */
  trust: PolicyDocument | undefined;
  /** Policies of AWS that the role gets as well. */
  managedPolicyArns: readonly string[];
  /** For comments: what each statement is there for. */
  explained: readonly ExplainedStatement[];
}

/** `devaccess`, or `devaccess-1`, `devaccess-2` … where there are several. */
export function policyNames({ name, policies }: PolicyTemplate): string[] {
  return policies.map((_, index) => (policies.length === 1 ? name : `${name}-${index + 1}`));
}

/**
 * Comment lines on what statements are there for.
 *
 * @param lead what begins a comment in the format
 */
export function commentLines({ explained }: PolicyTemplate, lead: string): string[] {
  return explained.map(({ statement, why }) => `${lead} ${statement.Sid}: ${why}`);
}

/** JSON text in ASCII, which YAML 1.1 and TypeScript read as the same value. */
export function asciiJson(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
