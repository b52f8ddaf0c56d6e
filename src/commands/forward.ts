import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { printable } from '../platform/errors.ts';
import { sshDirectory } from '../platform/paths.ts';
import type { ForwardEvent } from '../session/forward/port-forward.ts';

export default class Forward extends DevaccessCommand {
  static override summary = 'Forward local ports to a server, or to what the server reaches.';
  static override description =
    'HOST is a name of `hosts sync` or an instance id; a host behind a bastion is reached through it. ' +
    'Listens on loopback until Ctrl-C. With --json each event is one line.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> db-1 5432',
    '<%= config.bin %> <%= command.id %> bastion 15432:5432 6379 --host db.internal',
  ];
  static override strict = false;
  static override args = {
    host: Args.string({ required: true, description: 'server to start from' }),
    port: Args.string({ required: true, description: '[LOCAL:]PORT, one or more' }),
  };
  static override flags = {
    host: Flags.string({ helpValue: 'REMOTE', summary: 'host to reach from the server' }),
    bind: Flags.string({
      helpValue: 'ADDR',
      summary: 'address to listen on',
      default: '127.0.0.1',
    }),
    unix: Flags.string({ helpValue: 'PATH', summary: 'listen on a Unix socket instead of a port' }),
    sessions: Flags.string({
      helpValue: 'N',
      summary: 'sessions to spread connections over: 1 to 8, or auto',
      default: '1',
    }),
    profile: Flags.string({ helpValue: 'P', summary: "profile; else the synced host's" }),
    region: Flags.string({ helpValue: 'R', summary: "region; else the synced host's" }),
    'log-file': Flags.string({
      helpValue: 'FILE',
      summary: 'append a diagnostic log',
      env: 'DEVACCESS_LOG',
    }),
  };

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(Forward);
    const { checkRemoteHost, parsePortPair, parseSessions } =
      await import('../session/forward/forward-spec.ts');
    const { readSyncedHosts, reachHost } = await import('../hosts/synced-hosts.ts');
    const { runForwards } = await import('../session/forward/run-forwards.ts');
    const { Connections } = await import('../aws/connections.ts');
    const { SsmSessionApi } = await import('../session/ssm-session-api.ts');
    const { fileLog, SILENT_LOG } = await import('../platform/log.ts');
    const pairs = (argv as string[]).slice(1).map(parsePortPair);
    const sessions = parseSessions(flags.sessions);
    if (flags.unix !== undefined && pairs.length > 1)
      this.error('--unix takes one port', { exit: 2 });
    const reach = reachHost(args.host, readSyncedHosts(sshDirectory(process.env)));
    const remoteHost = flags.host === undefined ? reach.remoteHost : checkRemoteHost(flags.host);
    const api = await SsmSessionApi.create({
      profile: flags.profile ?? reach.profile,
      region: flags.region ?? reach.region,
      env: process.env,
      connections: new Connections(process.env),
    });
    await runForwards({
      api,
      log: flags['log-file'] === undefined ? SILENT_LOG : fileLog(flags['log-file']),
      requests: pairs.map(({ local, remote }) => ({
        target: reach.target,
        port: remote,
        remoteHost,
        sessions,
        listen:
          flags.unix === undefined ? { host: flags.bind, port: local } : { unixPath: flags.unix },
      })),
      onEvent: (request, event) => this.show(`${args.host} ${request.port}`, event),
    });
  }

  private show(name: string, event: ForwardEvent): void {
    if (this.jsonEnabled()) {
      process.stdout.write(`${JSON.stringify({ forward: name, ...event })}\n`);
      return;
    }
    const text = describe(event);
    if (text !== undefined) this.talk(printable(`${name}: ${text}`));
  }
}

function describe(event: ForwardEvent): string | undefined {
  switch (event.event) {
    case 'listening':
      return `listening on ${event.address}, to ${event.remote} through ${event.target}; Ctrl-C ends it`;
    case 'refused':
      return `${event.remote} refused the connection, or cannot be reached from there`;
    case 'reconnecting':
      return `connection lost (${event.why}); resuming`;
    case 'reconnected':
      return 'back';
    case 'session-ended':
      return `${event.reason} The next connection starts a new session.`;
    case 'message':
      return event.text;
    case 'connection':
    case 'closed-connection':
    case 'session-started':
    case 'closed':
      return undefined;
    default:
      return event satisfies never;
  }
}
