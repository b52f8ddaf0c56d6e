/** Policies as IAM's grammar has them, and as this tool writes them: one way to say a thing. */

/** Operator → condition key → values. */
export type ConditionBlock = Readonly<
  Record<string, Readonly<Record<string, string | readonly string[]>>>
>;

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  /** Only of a trust policy. */
  readonly Principal?: Readonly<Record<string, string | readonly string[]>>;
  readonly Action: string | readonly string[];
  /** All but those of a trust policy have one. */
  readonly Resource?: string | readonly string[];
  readonly Condition?: ConditionBlock;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/** A statement, and what a person should know of it. */
export interface ExplainedStatement {
  readonly statement: PolicyStatement;
  /** What it is there for. */
  readonly why: string;
  /** What happens where it is left out. */
  readonly without: string;
}

export function policyOf(statements: readonly ExplainedStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements.map(({ statement }) => statement) };
}

/** Ids of statements without which everything works, if not as well. */
export const OPTIONAL_STATEMENTS: ReadonlySet<string> = new Set([
  // The second way to end sessions.
  'OwnSessionsByName',
  'HybridTags',
]);
