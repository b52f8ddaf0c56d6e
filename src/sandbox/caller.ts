import type { IamUser } from './account.ts';

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
   * True when a one-time code stands behind these credentials: given to GetSessionToken, or
   * to the AssumeRole whose trust policy asked for it.
   */
  readonly mfaAuthenticated: boolean;
  /** The user behind `user` and `user-session`. */
  readonly user?: IamUser;
  /** The role behind `role-session`. */
  readonly roleArn?: string;
}
