import type { Session, SessionFilter, SSMClient } from '@aws-sdk/client-ssm';
import type { Credentials } from '../../aws/client-settings.ts';
import { createSsmClient } from '../../aws/clients.ts';
import { serviceError } from '../../aws/service-errors.ts';
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { staleness } from './open-session.ts';
import type { OpenSession } from './open-session.ts';

export interface DirectoryAccess {
  credentials: Credentials;
  region: string;
  /** Whose endpoint settings count. */
  namedProfile: string | undefined;
}

export interface SessionQuery {
  /** Only the caller's own. */
  mine: boolean;
  /** Only those that look left behind. */
  stale: boolean;
  /** Seconds after which a session counts as open for long. */
  longAfterS: number;
}

export interface EndedSession {
  sessionId: string;
  ended: boolean;
  error: { code: string; message: string; next: string | null } | null;
}

const AT_ONCE = 5;

/** The account's sessions in one region: who has one open where, and their end. */
export class SessionDirectory {
  readonly #access: DirectoryAccess;
  readonly #client: SSMClient;
  readonly #now: () => number;

  private constructor(access: DirectoryAccess, client: SSMClient, now: () => number) {
    this.#access = access;
    this.#client = client;
    this.#now = now;
  }

  static async open(access: DirectoryAccess, now: () => number): Promise<SessionDirectory> {
    const { credentials, region, namedProfile: profile } = access;
    return new SessionDirectory(
      access,
      await createSsmClient({ credentials, region, profile }),
      now,
    );
  }

  /** Sessions that are not over, oldest first. @throws DevaccessError */
  async list({ mine, stale, longAfterS }: SessionQuery): Promise<OpenSession[]> {
    const { paginateDescribeSessions } = await import('./ssm-commands.ts');
    const owner = mine ? await this.#callerArn() : undefined;
    const filters: SessionFilter[] = owner === undefined ? [] : [{ key: 'Owner', value: owner }];
    const input = {
      State: 'Active' as const,
      ...(filters.length === 0 ? {} : { Filters: filters }),
    };
    const sessions: OpenSession[] = [];
    try {
      const pages = paginateDescribeSessions({ client: this.#client, pageSize: 200 }, input);
      for await (const { Sessions = [] } of pages) {
        for (const session of Sessions) sessions.push(this.#read(session, longAfterS));
      }
    } catch (error) {
      throw serviceError(error, this.#context('DescribeSessions'));
    }
    return sessions
      .filter((session) => owner === undefined || session.owner === owner)
      .filter((session) => !stale || session.stale !== null)
      .sort((left, right) => (right.ageSeconds ?? 0) - (left.ageSeconds ?? 0));
  }

  /** Ends sessions, each for itself. */
  async end(sessionIds: readonly string[]): Promise<EndedSession[]> {
    const results: EndedSession[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next; index < sessionIds.length; index = next) {
        next += 1;
        results[index] = await this.#endOne(sessionIds[index] ?? '');
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return results;
  }

  close(): void {
    this.#client.destroy();
  }

  async #endOne(sessionId: string): Promise<EndedSession> {
    const { TerminateSessionCommand } = await import('./ssm-commands.ts');
    try {
      await this.#client.send(new TerminateSessionCommand({ SessionId: sessionId }));
      return { sessionId, ended: true, error: null };
    } catch (error) {
      const { code, message, next = null } = this.#endFailure(sessionId, error);
      return { sessionId, ended: false, error: { code, message, next } };
    }
  }

  #endFailure(sessionId: string, error: unknown): DevaccessError {
    if (error instanceof Error && error.name === 'DoesNotExistException') {
      return new DevaccessError(
        'DA_SESSION_UNKNOWN',
        `There is no session ${printable(sessionId)} in ${this.#access.region}`,
        { next: 'see devaccess sessions list', exitCode: EXIT.failed, cause: error },
      );
    }
    const known = serviceError(error, this.#context('TerminateSession'));
    if (known instanceof DevaccessError) return known;
    const message = error instanceof Error ? error.message : String(error);
    return new DevaccessError('DA_UNEXPECTED', message, { cause: error });
  }

  /** @throws DevaccessError */
  async #callerArn(): Promise<string> {
    const { callerIdentity } = await import('../../aws/caller-identity.ts');
    const { credentials, region, namedProfile: profile } = this.#access;
    return (await callerIdentity({ credentials, region, profile })).arn;
  }

  #read(session: Session, longAfterS: number): OpenSession {
    const { StartDate: startDate, Status: status = 'unknown' } = session;
    const ageSeconds =
      startDate === undefined
        ? null
        : Math.max(0, Math.round((this.#now() - startDate.getTime()) / 1000));
    return {
      sessionId: session.SessionId ?? '',
      target: session.Target ?? '',
      status,
      startedAt: startDate?.toISOString() ?? null,
      ageSeconds,
      document: session.DocumentName ?? null,
      owner: session.Owner ?? '',
      reason: session.Reason ?? null,
      stale: staleness({ status, ageSeconds }, longAfterS),
    };
  }

  #context(operation: string) {
    return { service: 'SSM', operation, profile: this.#access.namedProfile };
  }
}
