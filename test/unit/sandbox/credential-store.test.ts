import { describe, expect, it } from 'vitest';
import { CredentialStore } from '../../../src/sandbox/credential-store.ts';
import { seedAccount } from '../../../src/sandbox/seed.ts';

const nowMs = Date.UTC(2026, 0, 1);
const account = seedAccount({ nowMs });
const user = account.users[0]!;
const session = {
  accountId: account.accountId,
  arn: user.arn,
  userId: user.userId,
  name: user.userName,
  kind: 'user-session',
  mfaAuthenticated: true,
} as const;

describe('the credential store', () => {
  it('caps lifetimes where it is told to', () => {
    const now = () => nowMs;
    const capped = new CredentialStore(account, { now, maxLifetimeMs: 5000 });
    expect(capped.issue(session, 900).expiresAtMs).toBe(nowMs + 5000);
    expect(new CredentialStore(account, { now }).issue(session, 900).expiresAtMs).toBe(
      nowMs + 900_000,
    );
  });

  it('does not know a key that has been made inactive', () => {
    const key = user.accessKeys[0]!;
    const inactive = { ...user, accessKeys: [{ ...key, status: 'Inactive' as const }] };
    const store = new CredentialStore({ ...account, users: [inactive] }, { now: () => nowMs });
    expect(store.lookup(key.accessKeyId, undefined)).toEqual({ state: 'inactive' });
  });

  it('forgets the oldest of more than ten thousand sessions', () => {
    const store = new CredentialStore(account, { now: () => nowMs });
    const issued = Array.from({ length: 10_001 }, () => store.issue(session, 900));
    const state = (at: number): string =>
      store.lookup(issued[at]!.accessKeyId, issued[at]!.sessionToken).state;
    expect([state(0), state(1), state(10_000)]).toEqual(['unknown', 'found', 'found']);
  });
});
