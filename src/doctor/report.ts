import type { Finding, Severity } from '../platform/finding.ts';

/** A finding and what it is about. */
export interface TopicFinding extends Finding {
  topic: 'files' | 'credentials' | 'MFA' | 'clock' | 'network';
}

/** `needs-person`: nothing is wrong but that a session or a sign-in is missing. */
export type Outcome = 'ok' | 'problem' | 'needs-person';

/** @param needsPerson ids of problems that a code or a sign-in puts right */
export function outcomeOf(findings: readonly Finding[], needsPerson: ReadonlySet<string>): Outcome {
  const problems = findings.filter(({ severity }) => severity === 'problem');
  if (problems.length === 0) return 'ok';
  return problems.every(({ id }) => needsPerson.has(id)) ? 'needs-person' : 'problem';
}

/** How many there are of a severity. */
export function count(findings: readonly Finding[], severity: Severity): number {
  return findings.filter((found) => found.severity === severity).length;
}
