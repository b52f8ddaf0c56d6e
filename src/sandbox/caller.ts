import type { IamUser } from './iam/entities.ts';
import type { PolicySource } from './iam-policy/evaluate.ts';

/** Who made a call, as its credentials tell. */
export interface CallerIdentity {
  readonly accountId: string;
  readonly arn: string;
  /** `aws:userid`: `AIDA…` for a user, `AROA…:<session name>` for a role session. */
  readonly userId: string;
  /** What session ids begin with: the user's name or the role session's name. */
  readonly name: string;
  readonly accessKeyId: string;
  /** `user`: long-term keys; `user-session`: GetSessionToken; `role-session`: AssumeRole. */
  readonly kind: 'user' | 'user-session' | 'role-session';
  /**
   * True when a one-time code was given to GetSessionToken. A role session never carries it: the
   * code is known to the trust policy of the role alone.
   */
  readonly mfaAuthenticated: boolean;
  /** When temporary credentials were issued (`aws:TokenIssueTime`). */
  readonly issuedAtMs?: number;
  /** The user behind `user` and `user-session`. */
  readonly user?: IamUser;
  /** The role behind `role-session`. */
  readonly roleArn?: string;
  /** What AssumeRole was given to narrow a role session; none: not narrowed. */
  readonly sessionPolicies?: readonly PolicySource[];
  /** Tags that AssumeRole was given; they count before the role's own. */
  readonly sessionTags?: ReadonlyMap<string, string>;
  /** Keys of session tags that a role assumed from here gets as well. */
  readonly transitiveTagKeys?: readonly string[];
}
