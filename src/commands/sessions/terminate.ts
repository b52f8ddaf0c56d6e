import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import type { EndedSession } from '../../session/directory/session-directory.ts';
import { SESSION_FLAGS, sessionDirectory } from './session-flags.ts';

export default class SessionsTerminate extends DevaccessCommand {
  static override summary = 'End sessions: those named, or all that --mine and --stale choose.';
  static override description =
    'Whoever uses one loses it. IAM policies usually let you end your own sessions only. ' +
    '`sessions list` with the same flags shows what would be ended.';
  static override usage = '<%= command.id %> [ID...] [--mine] [--stale] [flags]';
  static override examples = [
    '<%= config.bin %> <%= command.id %> alice-0123456789abcdef0',
    '<%= config.bin %> <%= command.id %> --mine --stale',
  ];
  static override strict = false;
  static override flags = SESSION_FLAGS;

  async run(): Promise<{ sessions: EndedSession[] }> {
    const { argv, flags } = await this.parse(SessionsTerminate);
    const { parseDuration } = await import('../../platform/duration.ts');
    const named = argv as string[];
    const { mine, stale } = flags;
    if (named.length === 0 && !mine && !stale) {
      this.error('name sessions, or choose them by --mine or --stale', { exit: EXIT.usage });
    }
    if (named.length > 0 && (mine || stale)) {
      this.error('name sessions, or choose them by --mine or --stale, not both', {
        exit: EXIT.usage,
      });
    }
    const longAfterS = parseDuration(flags['older-than']) / 1000;
    const directory = await sessionDirectory(flags);
    try {
      const ids =
        named.length > 0
          ? named
          : (await directory.list({ mine, stale, longAfterS })).map(({ sessionId }) => sessionId);
      const sessions = await directory.end([...new Set(ids)]);
      const failed = sessions.filter(({ ended }) => !ended).length;
      if (failed > 0) {
        process.exitCode = failed === sessions.length ? EXIT.failed : EXIT.partial;
      }
      if (!this.jsonEnabled()) this.show(sessions);
      return { sessions };
    } finally {
      directory.close();
    }
  }

  private show(sessions: readonly EndedSession[]): void {
    if (sessions.length === 0) this.talk('No session to end.');
    for (const { sessionId, error } of sessions) {
      if (error === null) this.log(`ended ${printable(sessionId)}`);
      else this.talk(printable(`${sessionId}: ${error.message} [${error.code}]`));
    }
  }
}
