import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT } from '../../platform/errors.ts';
import type { EndedTunnels } from '../../session/tunnels/end-tunnels.ts';
import { leftSessionText } from './tunnels-text.ts';

const HOW = {
  closed: 'closed',
  killed: 'closed; its process hung and was killed',
  cleared: 'its process was gone already; cleared up',
} as const;

export default class TunnelsDown extends DevaccessCommand {
  static override completes = 'tunnels' as const;
  static override summary = 'Close tunnels, all of them without a NAME.';
  static override description =
    'Ends them wherever they run, with their sessions, and waits until it is so. Clears up after a ' +
    'process that was killed.';
  static override examples = ['<%= config.bin %> <%= command.id %> db'];
  static override usage = '<%= command.id %> [NAME...] [--json]';
  static override strict = false;

  async run(): Promise<EndedTunnels & { notUp: string[] }> {
    const { argv } = await this.parse(TunnelsDown);
    const { endTunnels } = await import('../../session/tunnels/end-tunnels.ts');
    const { RunRegistry } = await import('../../session/tunnels/run-registry.ts');
    const { tunnelServices } = await import('./tunnel-services.ts');
    const names = argv as string[];
    const result = await endTunnels((name) => names.length === 0 || names.includes(name), {
      registry: new RunRegistry(process.env),
      ...tunnelServices(process.env),
    });
    const ended = new Set(result.ended.map(({ name }) => name));
    const notUp = names.filter((name) => !ended.has(name));
    for (const { name, how } of result.ended) this.log(`${name}: ${HOW[how]}`);
    for (const name of notUp) this.talk(`${name} is not up`);
    if (names.length === 0 && ended.size === 0) this.talk('no tunnel is up');
    for (const left of result.leftSessions) this.talk(leftSessionText(left));
    if (result.leftSessions.length > 0) process.exitCode = EXIT.partial;
    return { ...result, notUp };
  }
}
