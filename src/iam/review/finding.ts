export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;

export type Severity = (typeof SEVERITIES)[number];

/** Where in the policy something was found. */
export interface StatementRef {
  /** From 1. */
  statement: number;
  sid: string | null;
}

/** One thing that a policy lets happen, or that does not do what it looks like. */
export interface Finding {
  /** Stable, for programs; docs/iam.md lists them. */
  id: string;
  severity: Severity;
  title: string;
  statements: StatementRef[];
  why: string;
  fix: string;
}

/** The most severe first, then by place. */
export function bySeverity(left: Finding, right: Finding): number {
  const rank = SEVERITIES.indexOf(left.severity) - SEVERITIES.indexOf(right.severity);
  return rank !== 0 ? rank : firstPlace(left) - firstPlace(right);
}

function firstPlace({ statements }: Finding): number {
  return statements[0]?.statement ?? 0;
}

/** One step less severe: for what holds under conditions that nobody here can judge. */
export function milder(severity: Severity): Severity {
  return SEVERITIES[Math.min(SEVERITIES.indexOf(severity) + 1, SEVERITIES.length - 1)] ?? severity;
}
