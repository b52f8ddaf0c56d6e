import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { HOST_FLAGS } from './host-flags.ts';
import { askRenewal } from './ask-renewal.ts';
import { selectorWorld } from './selector-world.ts';

export default class Shell extends DevaccessCommand {
  static override enableJsonFlag = false;
  static override completes = 'hosts' as const;
  static override summary = 'Open a shell on a server.';
  static override description =
    'HOST is a name of `hosts sync`, an instance id or tag:KEY=VALUE. `~.` after Enter leaves, `~?` tells more. ' +
    'From a pipe, input is typed as it comes, and its end as Ctrl-D; for commands see `run`. ' +
    'Session Manager does not tell the exit status of a shell: 0 is one that came to its own end.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> bastion',
    '<%= config.bin %> <%= command.id %> bastion --document AWS-StartInteractiveCommand --parameter command=top',
  ];
  static override args = {
    host: Args.string({ required: true, description: 'server to log in to' }),
  };
  static override flags = {
    document: Flags.string({ helpValue: 'NAME', summary: "session document; else the account's" }),
    parameter: Flags.string({
      helpValue: 'K=V',
      summary: 'parameter of the document; may be given again',
      multiple: true,
    }),
    ...HOST_FLAGS,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Shell);
    const { requireAgent, selectHost } = await import('../hosts/selectors.ts');
    const { parseDocumentParameters } = await import('../session/document-parameters.ts');
    const { SsmSessionApi } = await import('../session/ssm-session-api.ts');
    const { runShell } = await import('../session/shell/run-shell.ts');
    const { fileLog, SILENT_LOG } = await import('../platform/log.ts');
    const { takeStopSignals } = await import('../platform/stop-request.ts');
    const parameters = parseDocumentParameters(flags.parameter ?? []);
    const { profile, region } = flags;
    const world = await selectorWorld({ profile, region }, process.env);
    const reach = requireAgent(await selectHost(args.host, world));
    const stop = takeStopSignals();
    const api = SsmSessionApi.create({
      profile: profile ?? reach.profile,
      region: region ?? reach.region,
      env: process.env,
    });
    const { document } = flags;
    const end = await runShell({
      api,
      request: {
        target: reach.target,
        parameters,
        ...(document === undefined ? {} : { documentName: document }),
      },
      name: args.host,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      log: flags['log-file'] === undefined ? SILENT_LOG : fileLog(flags['log-file']),
      renewCredentials: () => askRenewal(profile ?? reach.profile, this.worldOfPerson, stop.signal),
      stop: stop.signal,
    });
    if (process.stdin.isTTY) this.talk(`The session with ${args.host} has ended.`);
    process.exitCode = stop.exitCode ?? exitStatus(end.exitCode);
  }
}

/** As a local shell would show it; the agent tells -1 for a program that a signal ended. */
function exitStatus(code = 0): number {
  return code >= 0 && code <= 255 ? code : 255;
}
