import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { HOST_FLAGS } from './host-flags.ts';
import { EXIT, printable } from '../platform/errors.ts';
import { forwardEventText } from '../session/forward/event-text.ts';
import type { ForwardEvent } from '../session/forward/port-forward.ts';
import { selectorWorld } from './selector-world.ts';

const REFUSED_EVERY_MS = 10_000;

export default class Forward extends DevaccessCommand {
  static override completes = 'hosts' as const;
  static override summary = 'Forward local ports to a server, or to what the server reaches.';
  static override description =
    'HOST is a name of `hosts sync`, an instance id or tag:KEY=VALUE; a host behind a bastion is ' +
    'reached through it. ' +
    'Listens on loopback until Ctrl-C. With --json each event is one line.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> db-1 5432',
    '<%= config.bin %> <%= command.id %> bastion 15432:5432 6379 --host db.internal',
    '<%= config.bin %> <%= command.id %> tag:Role=web 8080:80',
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
    pace: Flags.string({
      helpValue: 'N[/M]|off',
      summary: 'data messages a second to send at most, M at once; else DEVACCESS_PACE, 900',
    }),
    window: Flags.string({
      helpValue: 'KIB',
      summary: 'unacknowledged data in flight at most; else DEVACCESS_WINDOW, 8192',
    }),
    ...HOST_FLAGS,
  };

  private readonly toldRefusedAtMs = new Map<string, number>();

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(Forward);
    const { chooseRemoteHost, readForwardSpec } =
      await import('../session/forward/forward-spec.ts');
    const { readConfig } = await import('../config/config-file.ts');
    const { readFlow } = await import('../session/flow.ts');
    const { selectHost } = await import('../hosts/selectors.ts');
    const { runForwards } = await import('../session/forward/run-forwards.ts');
    const { Connections } = await import('../aws/connections.ts');
    const { SsmSessionApi } = await import('../session/ssm-session-api.ts');
    const { fileLog, SILENT_LOG } = await import('../platform/log.ts');
    const { takeStopSignals } = await import('../platform/stop-request.ts');
    const spec = readForwardSpec((argv as string[]).slice(1), flags);
    const flow = readFlow(flags, process.env, readConfig(process.env).session);
    const { profile, region } = flags;
    const world = await selectorWorld({ profile, region }, process.env);
    const { reach } = await selectHost(args.host, world);
    const remoteHost = chooseRemoteHost(spec.remoteHost, reach);
    const api = SsmSessionApi.create({
      profile: profile ?? reach.profile,
      region: region ?? reach.region,
      env: process.env,
      connections: new Connections(process.env),
    });
    await runForwards({
      stop: takeStopSignals().signal,
      api,
      log: flags['log-file'] === undefined ? SILENT_LOG : fileLog(flags['log-file']),
      requests: spec.pairs.map(({ local, remote }) => ({
        target: reach.target,
        port: remote,
        remoteHost,
        sessions: spec.sessions,
        flow,
        listen:
          flags.unix === undefined ? { host: flags.bind, port: local } : { unixPath: flags.unix },
      })),
      onEvent: (request, event) => this.show(`${args.host} ${request.port}`, event),
    });
    return this.leave(EXIT.done);
  }

  private show(name: string, event: ForwardEvent): void {
    if (this.jsonEnabled()) {
      process.stdout.write(`${JSON.stringify({ forward: name, ...event })}\n`);
      return;
    }
    // A program that tries again and again is told of once in a while.
    if (event.event === 'refused' && !this.isDue(name)) return;
    const text = forwardEventText(event);
    if (text !== undefined) this.talk(printable(`${name}: ${text}`));
  }

  private isDue(name: string): boolean {
    const sinceMs = performance.now() - (this.toldRefusedAtMs.get(name) ?? -Infinity);
    if (sinceMs < REFUSED_EVERY_MS) return false;
    this.toldRefusedAtMs.set(name, performance.now());
    return true;
  }
}
