import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { LOG_FLAG } from '../host-flags.ts';
import { EXIT } from '../../platform/errors.ts';
import { fileLog, SILENT_LOG } from '../../platform/log.ts';
import type { Log } from '../../platform/log.ts';
import { takeStopSignals } from '../../platform/stop-request.ts';
import type { StopRequest } from '../../platform/stop-request.ts';
import type { PreparedUp } from './prepare-up.ts';
import { alreadyUpText, leftSessionText, listenersText } from './tunnels-text.ts';

export default class TunnelsUp extends DevaccessCommand {
  static override completes = 'tunnels' as const;
  static override summary = 'Open tunnels of the config file, all of them without a NAME.';
  static override description =
    'Every listener is bound before a session starts; when one tunnel cannot be opened, none is. ' +
    'Stays until Ctrl-C, with a live view on a terminal; with --json each event is one line. With ' +
    '--detach it comes back when all are open, and they stay until `devaccess tunnels down`.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> db cache --detach',
  ];
  static override usage = '<%= command.id %> [NAME...] [--detach] [--json]';
  static override strict = false;
  static override flags = {
    detach: Flags.boolean({ char: 'd', summary: 'leave them to a process without a terminal' }),
    ...LOG_FLAG,
  };

  async run(): Promise<unknown> {
    const { argv, flags } = await this.parse(TunnelsUp);
    const { prepareUp } = await import('./prepare-up.ts');
    const prepared = await prepareUp(argv as string[], process.env);
    // Until here nothing is open, and a signal simply ends the process.
    const stop = takeStopSignals();
    for (const left of prepared.leftSessions) this.talk(leftSessionText(left));
    for (const other of prepared.alreadyUp) this.talk(alreadyUpText(other));
    if (flags.detach) return this.detach(prepared, stop);
    const file = flags['log-file'];
    const log = file === undefined ? SILENT_LOG : fileLog(file);
    if (prepared.plans.length > 0) await this.stay(prepared, log, stop.signal);
    return undefined;
  }

  private async stay(prepared: PreparedUp, log: Log, stop: AbortSignal): Promise<void> {
    const { runTunnels } = await import('../../session/tunnels/run-tunnels.ts');
    const { choosePresenter } = await import('./presenters.ts');
    const presenter = choosePresenter(this.jsonEnabled(), process, process.env);
    const { plans, registry, services } = prepared;
    try {
      await runTunnels({
        plans,
        registry,
        ...services,
        isDetached: false,
        log,
        onEvent: (event) => presenter.event(event),
        onOpening: (tunnels) => presenter.begin(tunnels),
        stop,
      });
    } finally {
      presenter.end();
    }
    this.talk(`closed ${plans.map(({ name }) => name).join(', ')}`);
    return this.leave(EXIT.done);
  }

  private async detach({ plans, alreadyUp, registry }: PreparedUp, stop: StopRequest) {
    if (plans.length === 0) return { pid: null, tunnels: [], alreadyUp };
    const { startDetached } = await import('../../session/tunnels/detach.ts');
    const script = join(this.config.root, 'bin', 'devaccess-tunnels.js');
    const { logFile } = registry;
    const started = await startDetached({ plans, script, logFile, stop: stop.signal });
    if (started === undefined) return this.leave(stop.exitCode ?? EXIT.failed);
    const { pid, tunnels } = started;
    for (const line of tunnels.flatMap(listenersText)) this.log(line);
    this.talk(`open until 'devaccess tunnels down' (process ${pid})`);
    return { pid, tunnels, alreadyUp };
  }
}
