import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SandboxAccount } from './account.ts';
import type { CallerIdentity } from './caller.ts';
import type { AccessKey, IamUser } from './iam/entities.ts';
import { randomIamId, randomSecretKey } from './identifiers.ts';

/** Temporary credentials as STS hands them out. */
export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAtMs: number;
}

interface IssuedCredentials extends TemporaryCredentials {
  readonly caller: CallerIdentity;
}

export type CredentialLookup =
  | { readonly state: 'found'; readonly caller: CallerIdentity; readonly secretAccessKey: string }
  | { readonly state: 'unknown' | 'inactive' | 'wrong-token' | 'expired' };

/** Temporary credentials that are remembered; the oldest are forgotten beyond this many. */
const ISSUED_LIMIT = 10_000;

interface CredentialStoreOptions {
  now: () => number;
  /** Upper bound of every temporary credential's life, to try out expiry. Default: none. */
  maxLifetimeMs?: number | undefined;
  /** How long a new long-term key is not known yet, as IAM's copies take a while. Default: 0. */
  keyPropagationMs?: number | undefined;
}

/** Every key of the account: the users' long-term keys and what STS has issued. */
export class CredentialStore {
  readonly #account: SandboxAccount;
  readonly #issued = new Map<string, IssuedCredentials>();
  readonly #now: () => number;
  readonly #maxLifetimeMs: number;
  readonly #keyPropagationMs: number;

  constructor(account: SandboxAccount, options: CredentialStoreOptions) {
    this.#account = account;
    this.#now = options.now;
    this.#maxLifetimeMs = options.maxLifetimeMs ?? Infinity;
    this.#keyPropagationMs = options.keyPropagationMs ?? 0;
  }

  /** New temporary credentials for `caller`, whose access key id is filled in here. */
  issue(caller: Omit<CallerIdentity, 'accessKeyId'>, lifetimeS: number): TemporaryCredentials {
    const accessKeyId = randomIamId('ASIA');
    const credentials: IssuedCredentials = {
      accessKeyId,
      secretAccessKey: randomSecretKey(),
      sessionToken: `IQoJb3JpZ2luX2Vj${randomBytes(240).toString('base64')}`,
      expiresAtMs: this.#now() + Math.min(lifetimeS * 1000, this.#maxLifetimeMs),
      caller: { ...caller, accessKeyId, issuedAtMs: this.#now() },
    };
    this.#issued.set(accessKeyId, credentials);
    const oldest = this.#issued.keys().next();
    if (this.#issued.size > ISSUED_LIMIT && !oldest.done) this.#issued.delete(oldest.value);
    return credentials;
  }

  /** Finds the caller behind an access key id; a session token must come exactly where one belongs. */
  lookup(accessKeyId: string, sessionToken: string | undefined): CredentialLookup {
    const issued = this.#issued.get(accessKeyId);
    if (issued !== undefined) {
      if (sessionToken === undefined || !equalTokens(issued.sessionToken, sessionToken)) {
        return { state: 'wrong-token' };
      }
      if (this.#now() >= issued.expiresAtMs) return { state: 'expired' };
      if (this.#isOrphaned(issued.caller)) return { state: 'unknown' };
      return { state: 'found', caller: issued.caller, secretAccessKey: issued.secretAccessKey };
    }
    const found = this.#longTermKey(accessKeyId);
    if (found === undefined) return { state: 'unknown' };
    const { user, key } = found;
    if (this.#now() < key.createdAtMs + this.#keyPropagationMs) return { state: 'unknown' };
    if (sessionToken !== undefined) return { state: 'wrong-token' };
    if (key.status !== 'Active') return { state: 'inactive' };
    const caller = this.#longTermCaller(user, accessKeyId);
    return { state: 'found', caller, secretAccessKey: key.secretAccessKey };
  }

  /** Remembers what GetAccessKeyLastUsed tells; temporary keys have no such record. */
  noteUse(accessKeyId: string, service: string, region: string): void {
    const found = this.#longTermKey(accessKeyId);
    if (found !== undefined) found.key.lastUsed = { atMs: this.#now(), service, region };
  }

  #longTermKey(accessKeyId: string): { user: IamUser; key: AccessKey } | undefined {
    for (const user of this.#account.users) {
      const key = user.accessKeys.find((candidate) => candidate.accessKeyId === accessKeyId);
      if (key !== undefined) return { user, key };
    }
    return undefined;
  }

  /** The session of a user or a role that was deleted. */
  #isOrphaned({ user, roleArn, userId }: CallerIdentity): boolean {
    if (user !== undefined) return !this.#account.users.includes(user);
    if (roleArn === undefined) return false;
    const role = this.#account.roles.find(({ arn }) => arn === roleArn);
    // One of the same name that was made anew has another id.
    return role === undefined || !userId.startsWith(`${role.roleId}:`);
  }

  #longTermCaller(user: IamUser, accessKeyId: string): CallerIdentity {
    return {
      accountId: this.#account.accountId,
      arn: user.arn,
      userId: user.userId,
      name: user.userName,
      accessKeyId,
      kind: 'user',
      mfaAuthenticated: false,
      user,
    };
  }
}

function equalTokens(expected: string, given: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}
