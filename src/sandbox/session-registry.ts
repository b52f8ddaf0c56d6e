import { randomBytes } from 'node:crypto';

/** What a command document's properties say for Linux, with the parameters filled in. */
export interface CommandProperties {
  readonly commands: string;
  readonly separateOutputStream: string;
  /** What begins each piece of a stream that follows an end of line, where streams are apart. */
  readonly stdOutSeparatorPrefix?: string;
  readonly stdErrSeparatorPrefix?: string;
}

/** What the agent is told of a session document that is not about a port. */
export interface DocumentContent {
  readonly sessionType: 'Standard_Stream' | 'InteractiveCommands' | 'NonInteractiveCommands';
  readonly linux?: CommandProperties;
}

/** A session as the service knows it, from StartSession to TerminateSession. */
export interface SandboxSession {
  /** `<IAM user name or role session name>-<17 hex>`, as AWS forms it. */
  readonly sessionId: string;
  /** The target exactly as given to StartSession. */
  readonly target: string;
  readonly documentName: string;
  readonly parameters: Readonly<Record<string, readonly string[]>>;
  readonly document?: DocumentContent | undefined;
  readonly ownerArn: string;
  /** `aws:userid` of the caller; the service tags every session with it. */
  readonly ownerUserId: string;
  readonly startedAtMs: number;
  status: 'Connected' | 'Disconnected' | 'Terminated';
  endedAtMs?: number;
}

export type StartedSession = Pick<
  SandboxSession,
  'target' | 'documentName' | 'parameters' | 'document' | 'ownerArn' | 'ownerUserId'
> & { ownerName: string };

/** Ended sessions that DescribeSessions(History) still shows; older ones are forgotten. */
const HISTORY_LIMIT = 1000;
/** Unused tokens of one session that stay good; asking for more spoils the oldest. */
const TOKEN_LIMIT = 16;

/**
 * The sessions of the sandbox: the SSM API starts, resumes and terminates them, the message
 * gateway redeems their tokens and learns here when one has ended.
 */
export class SessionRegistry {
  readonly #sessions = new Map<string, SandboxSession>();
  readonly #tokens = new Map<string, Set<string>>();
  readonly #listeners = new Set<(session: SandboxSession, reason: string) => void>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  start(request: StartedSession): SandboxSession {
    const { ownerName, ...facts } = request;
    const session: SandboxSession = {
      ...facts,
      sessionId: `${ownerName}-${randomBytes(9).toString('hex').slice(0, 17)}`,
      startedAtMs: this.#now(),
      status: 'Connected',
    };
    this.#sessions.set(session.sessionId, session);
    return session;
  }

  /** A new token for one opening of the data channel (StartSession, ResumeSession). */
  issueToken(sessionId: string): string {
    const token = randomBytes(96).toString('base64');
    const tokens = this.#tokens.get(sessionId) ?? new Set();
    tokens.add(token);
    const oldest = tokens.values().next();
    if (tokens.size > TOKEN_LIMIT && !oldest.done) tokens.delete(oldest.value);
    this.#tokens.set(sessionId, tokens);
    return token;
  }

  /** True when the token was issued for this live session. A token opens one data channel. */
  redeemToken(sessionId: string, token: string): boolean {
    if (this.get(sessionId)?.status === 'Terminated') return false;
    return this.#tokens.get(sessionId)?.delete(token) ?? false;
  }

  get(sessionId: string): SandboxSession | undefined {
    return this.#sessions.get(sessionId);
  }

  /** Every session, oldest first. */
  list(): SandboxSession[] {
    return [...this.#sessions.values()];
  }

  /** Ends a session; listeners hear of it once. False when it is unknown or has ended already. */
  terminate(sessionId: string, reason: string): boolean {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.status === 'Terminated') return false;
    session.status = 'Terminated';
    session.endedAtMs = this.#now();
    this.#tokens.delete(sessionId);
    for (const listener of this.#listeners) listener(session, reason);
    this.#forgetOldest();
    return true;
  }

  /** Calls `listener` whenever a session ends, whoever ended it. */
  onTerminate(listener: (session: SandboxSession, reason: string) => void): void {
    this.#listeners.add(listener);
  }

  #forgetOldest(): void {
    let excess = this.#sessions.size - HISTORY_LIMIT;
    for (const session of this.#sessions.values()) {
      if (excess <= 0) return;
      if (session.status !== 'Terminated') continue;
      this.#sessions.delete(session.sessionId);
      excess -= 1;
    }
  }
}
