import { DevaccessCommand } from '../../cli/base-command.ts';
import { tableLines } from '../../cli/table.ts';
import { roughDuration } from '../../cli/time.ts';
import { printable } from '../../platform/errors.ts';
import { sshDirectory } from '../../platform/paths.ts';
import type { OpenSession } from '../../session/directory/open-session.ts';
import { SESSION_FLAGS, sessionDirectory } from './session-flags.ts';

type ListedSession = OpenSession & { host: string | null };

export default class SessionsList extends DevaccessCommand {
  static override summary = 'List the open sessions of the account: where, since when, by whom.';
  static override description =
    'Session Manager does not tell when a session was last used, and ends idle ones by itself, by ' +
    'default after 20 minutes.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --mine',
    '<%= config.bin %> <%= command.id %> --stale --older-than 2h',
  ];
  static override flags = SESSION_FLAGS;

  async run(): Promise<{ sessions: ListedSession[] }> {
    const { flags } = await this.parse(SessionsList);
    const { parseDuration } = await import('../../platform/duration.ts');
    const { readSyncedHosts } = await import('../../hosts/synced-hosts.ts');
    const longAfterS = parseDuration(flags['older-than']) / 1000;
    const directory = await sessionDirectory(flags);
    const { mine, stale } = flags;
    const open = await directory.list({ mine, stale, longAfterS }).finally(() => directory.close());
    const hosts = readSyncedHosts(sshDirectory(process.env));
    const sessions = open.map((session) => ({
      ...session,
      host: hosts.find(({ instanceId }) => instanceId === session.target)?.alias ?? null,
    }));
    if (!this.jsonEnabled()) this.show(sessions);
    return { sessions };
  }

  private show(sessions: readonly ListedSession[]): void {
    if (sessions.length === 0) {
      this.talk('No session is open.');
      return;
    }
    const cells = (text: (session: ListedSession) => string): string[] =>
      sessions.map((session) => printable(text(session)));
    const columns = [
      { head: 'SESSION', cells: cells(({ sessionId }) => sessionId), dispensable: 0 },
      { head: 'HOST', cells: cells(({ host, target }) => host ?? target), dispensable: 0 },
      { head: 'OPEN FOR', cells: cells(({ ageSeconds }) => age(ageSeconds)), dispensable: 1 },
      { head: 'STATUS', cells: cells(({ status, stale }) => stale ?? status), dispensable: 1 },
      { head: 'BY', cells: cells(({ owner }) => ownerName(owner)), min: 8, dispensable: 2 },
      { head: 'DOCUMENT', cells: cells(({ document }) => document ?? ''), dispensable: 4 },
      { head: 'REASON', cells: cells(({ reason }) => reason ?? ''), min: 6, dispensable: 3 },
    ].filter((column) => column.cells.some((text) => text !== ''));
    // A program that reads this gets all of it.
    const width = process.stdout.isTTY ? process.stdout.columns : Infinity;
    for (const line of tableLines(columns, width, '…')) this.log(line);
  }
}

function age(seconds: number | null): string {
  return seconds === null ? 'unknown' : roughDuration(seconds);
}

/** `user/alice`, `assumed-role/admin/alice`. */
function ownerName(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}
