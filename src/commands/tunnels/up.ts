import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { fileLog, SILENT_LOG } from '../../platform/log.ts';
import { stopSignal } from '../../platform/signals.ts';

export default class TunnelsUp extends DevaccessCommand {
  static override summary = 'Open tunnels of the config file, all of them without a NAME.';
  static override description =
    'Every listener is bound before a session starts; when one tunnel cannot be opened, none is. ' +
    'Stays until Ctrl-C, with a live view on a terminal. With --json each event is one line.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> db cache',
  ];
  static override usage = '<%= command.id %> [NAME...] [--json]';
  static override strict = false;
  static override flags = {
    'log-file': Flags.string({
      helpValue: 'FILE',
      summary: 'append a diagnostic log',
      env: 'DEVACCESS_LOG',
    }),
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(TunnelsUp);
    const { readConfig } = await import('../../config/config-file.ts');
    const { runTunnels } = await import('../../session/tunnels/run-tunnels.ts');
    const { planTunnels } = await import('./plan-tunnels.ts');
    const { choosePresenter } = await import('./presenters.ts');
    const { tunnelServices } = await import('./tunnel-services.ts');
    const stop = stopSignal();
    const { env } = process;
    const plans = await planTunnels(argv as string[], readConfig(env), env);
    const presenter = choosePresenter(this.jsonEnabled(), process, env);
    try {
      await runTunnels({
        plans,
        ...tunnelServices(env),
        log: flags['log-file'] === undefined ? SILENT_LOG : fileLog(flags['log-file']),
        onEvent: (event) => presenter.event(event),
        onOpening: (tunnels) => presenter.begin(tunnels),
        stop,
      });
    } finally {
      presenter.end();
    }
    this.talk(`closed ${plans.map(({ name }) => name).join(', ')}`);
  }
}
