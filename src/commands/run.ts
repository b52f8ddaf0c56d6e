import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { HOST_FLAGS } from './host-flags.ts';
import { printable } from '../platform/errors.ts';
import type { CapturedResult } from '../session/run/host-output.ts';
import type { RunHost, RunReport } from '../session/run/run-on-hosts.ts';
import { selectorWorld } from './selector-world.ts';

type RunJson = Omit<RunReport, 'hosts'> & { hosts: CapturedResult[] };

export default class Run extends DevaccessCommand {
  static override completes = 'hosts' as const;
  static override summary = 'Run a command on servers.';
  static override description =
    'HOST is a name of `hosts sync`, an instance id or tag:KEY=VALUE. What follows -- is the ' +
    "command: one word is a line for the server's shell, several are a program and its arguments. " +
    'The exit code is that of the command for one server; for many 0, 1, or 4 where some failed.';
  static override usage = '<%= command.id %> HOST... [--tag K=V] [flags] -- COMMAND [ARGUMENT...]';
  static override examples = [
    '<%= config.bin %> <%= command.id %> bastion -- uptime',
    "<%= config.bin %> <%= command.id %> --tag Role=web -- 'systemctl is-active nginx | tee /tmp/state'",
  ];
  static override strict = false;
  static override flags = {
    tag: Flags.string({
      helpValue: 'K=V',
      summary: 'all servers with the tag; may be given again',
      multiple: true,
    }),
    concurrency: Flags.integer({
      helpValue: 'N',
      summary: 'servers at a time',
      default: 10,
      min: 1,
      max: 100,
    }),
    timeout: Flags.string({ helpValue: 'TIME', summary: 'for each server, as 90s, 15m or 2h' }),
    via: Flags.option({
      options: ['auto', 'session', 'run-command'] as const,
      summary: 'how: a session, Run Command (as root), or what is allowed',
      default: 'auto' as const,
    })(),
    ...HOST_FLAGS,
  };

  async run(): Promise<RunJson | undefined> {
    const divider = this.argv.indexOf('--');
    const words = divider < 0 ? [] : this.argv.slice(divider + 1);
    if (words.length === 0) this.error('give a command behind --', { exit: 2 });
    const { argv, flags } = await this.parse(Run, this.argv.slice(0, divider));
    const { parseDuration } = await import('../platform/duration.ts');
    const { fileLog, SILENT_LOG } = await import('../platform/log.ts');
    const { takeStopSignals } = await import('../platform/stop-request.ts');
    const { selectAgents } = await import('../hosts/selectors.ts');
    const { CapturedOutputs, HostOutput, summary } = await import('../session/run/host-output.ts');
    const { shellLine } = await import('../session/run/remote-command.ts');
    const { RunApiCache } = await import('../session/run/run-apis.ts');
    const { runOnHosts } = await import('../session/run/run-on-hosts.ts');
    const { profile, region, timeout, tag = [], 'log-file': logFile } = flags;
    const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout);
    const selectors = [...(argv as string[]), ...tag.map((each) => `tag:${each}`)];
    if (selectors.length === 0) this.error('give a server or --tag', { exit: 2 });
    const world = await selectorWorld({ profile, region }, process.env);
    const selection = await selectAgents(selectors, world);
    for (const notice of selection.notices) this.talk(printable(notice));
    const hosts: RunHost[] = [
      ...selection.hosts.map(({ name, instanceId, reach }) => ({
        name,
        instanceId,
        profile: profile ?? reach.profile,
        region: region ?? reach.region,
      })),
      ...selection.refused.map(({ error, ...host }) => ({
        ...host,
        profile,
        region,
        refusal: error,
      })),
    ];
    const stop = takeStopSignals();
    const apis = new RunApiCache(process.env);
    const output = new HostOutput(process, hosts);
    const captured = new CapturedOutputs();
    const isJson = this.jsonEnabled();
    const report = await runOnHosts({
      hosts,
      apisOf: (host) => apis.of(host),
      line: shellLine(words),
      via: flags.via,
      concurrency: flags.concurrency,
      timeoutMs,
      sinkOf: (host) => (isJson ? captured : output).sinkOf(host),
      onResult: (...result) => (isJson ? undefined : output.onResult(...result)),
      say: (host, line) => (isJson ? undefined : output.say(host, line)),
      log: logFile === undefined ? SILENT_LOG : fileLog(logFile),
      stop: AbortSignal.any([stop.signal, output.gone]),
    });
    process.exitCode = stop.exitCode ?? report.exitCode;
    if (hosts.length > 1) this.talk(summary(report.hosts));
    const results = report.hosts.map((result) => captured.complete(result));
    return isJson ? { ...report, hosts: results } : undefined;
  }
}
