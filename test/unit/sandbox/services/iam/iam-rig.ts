import type { CallerIdentity } from '../../../../../src/sandbox/caller.ts';
import { AccessControl } from '../../../../../src/sandbox/iam/access-control.ts';
import type { IamUser } from '../../../../../src/sandbox/iam/entities.ts';
import { seedAccount } from '../../../../../src/sandbox/seed.ts';
import { iamService } from '../../../../../src/sandbox/services/iam/iam.ts';
import { TotpVerifier } from '../../../../../src/sandbox/totp.ts';

export interface IamAnswer {
  readonly status: number;
  /** Of an error; `ok` for none. */
  readonly code: string;
  readonly message: string;
  readonly body: string;
  /** The text of the first element of this name. */
  readonly element: (name: string) => string | undefined;
  /** The texts of all elements of this name. */
  readonly elements: (name: string) => string[];
}

/** IAM of a fresh account, asked without a network; its clock stands at `clock.nowMs`. */
export function iamRig() {
  const clock = { nowMs: Date.UTC(2026, 0, 31) };
  const now = (): number => clock.nowMs;
  const account = seedAccount({ nowMs: clock.nowMs });
  const service = iamService({
    account,
    access: new AccessControl(account, now),
    totp: new TotpVerifier(now),
    now,
  });
  const [alice, administrator] = account.users as [IamUser, IamUser];
  const callerOf = (user: IamUser): CallerIdentity => ({
    accountId: account.accountId,
    arn: user.arn,
    userId: user.userId,
    name: user.userName,
    accessKeyId: 'AKIA',
    kind: 'user',
    mfaAuthenticated: false,
    user,
  });

  const callAs = (
    caller: CallerIdentity,
    action: string,
    parameters: Readonly<Record<string, string>> = {},
  ): IamAnswer => {
    const query = new URLSearchParams({ Version: '2010-05-08', Action: action, ...parameters });
    const { status, body } = service.answer(
      { method: 'GET', target: `/?${query.toString()}`, headers: new Map(), body: Buffer.alloc(0) },
      { state: 'verified', caller, scope: { date: '', region: 'us-east-1', service: 'iam' } },
      'request-1',
    );
    const elements = (name: string): string[] =>
      [...body.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => text!);
    return {
      status,
      code: status === 200 ? 'ok' : (elements('Code')[0] ?? ''),
      message: elements('Message')[0] ?? '',
      body,
      element: (name) => elements(name)[0],
      elements,
    };
  };
  /** As the administrator, who may do everything. */
  const call = (action: string, parameters?: Readonly<Record<string, string>>): IamAnswer =>
    callAs(callerOf(administrator), action, parameters);
  return { clock, account, alice, administrator, callerOf, call, callAs };
}

export const policyText = (...statements: object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

export const allowText = (Action: string | string[], Resource: string | string[] = '*'): string =>
  policyText({ Effect: 'Allow', Action, Resource });
