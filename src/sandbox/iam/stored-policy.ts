import { parsePolicy } from '../iam-policy/policy-document.ts';
import type { PolicyKind } from '../iam-policy/policy-document.ts';
import { randomIamId } from '../identifiers.ts';
import type { ManagedPolicy, StoredPolicy } from './entities.ts';

/** @throws MalformedPolicy */
export function storedPolicy(text: string, kind: PolicyKind = 'identity'): StoredPolicy {
  return { text, policy: parsePolicy(text, kind) };
}

/** A document of the sandbox's own. */
export function policyOf(statements: readonly object[], kind: PolicyKind = 'identity') {
  const document = { Version: '2012-10-17', Statement: statements };
  return storedPolicy(JSON.stringify(document, undefined, 2), kind);
}

/**
 * A managed policy with its first version.
 * @param owner the account's id, or `aws`
 */
export function managedPolicy(facts: {
  owner: string;
  path: string;
  policyName: string;
  description?: string | undefined;
  document: StoredPolicy;
  nowMs: number;
}): ManagedPolicy {
  const { owner, path, policyName, description, document, nowMs } = facts;
  return {
    policyName,
    policyId: randomIamId('ANPA'),
    path,
    arn: `arn:aws:iam::${owner}:policy${path}${policyName}`,
    description,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    versions: [{ ...document, versionId: 'v1', createdAtMs: nowMs }],
    defaultVersionId: 'v1',
    lastVersion: 1,
    tags: new Map(),
  };
}
