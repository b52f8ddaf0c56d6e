import { DevaccessCommand } from '../../cli/base-command.ts';
import { DevaccessError, errorLine, EXIT, printable } from '../../platform/errors.ts';
import type { TunnelList } from '../../session/tunnels/list-tunnels.ts';

export default class TunnelsStatus extends DevaccessCommand {
  static override completes = 'tunnels' as const;
  static override summary = 'Show tunnels as they really are: state, connections, bytes, rate.';
  static override description =
    'Asks the processes that carry them; tunnels of the config file that are not up are listed, too.';
  static override examples = ['<%= config.bin %> <%= command.id %> --json'];
  static override usage = '<%= command.id %> [NAME...] [--json]';
  static override strict = false;

  async run(): Promise<TunnelList> {
    const { argv } = await this.parse(TunnelsStatus);
    const { readConfig } = await import('../../config/config-file.ts');
    const { listTunnels } = await import('../../session/tunnels/list-tunnels.ts');
    const { RunRegistry } = await import('../../session/tunnels/run-registry.ts');
    const { statusLines } = await import('./status-table.ts');
    const { expiryText } = await import('./presenters.ts');
    const names = argv as string[];
    const list = await listTunnels(new RunRegistry(process.env), this.configured(readConfig));
    const tunnels = list.tunnels.filter(({ name }) => names.length === 0 || names.includes(name));
    const strange = names.find((name) => !tunnels.some((tunnel) => tunnel.name === name));
    if (strange !== undefined) throw unknownTunnel(strange, list.tunnels);
    const columns = process.stdout.isTTY ? process.stdout.columns : Infinity;
    if (tunnels.length === 0) this.talk('no tunnel is up, and there are none in the config file');
    else for (const line of statusLines(tunnels, columns)) this.log(line);
    for (const event of list.credentials) this.talk(printable(expiryText(event)));
    return { ...list, tunnels };
  }

  /** What runs is told of even when the config file cannot be read. */
  private configured(
    readConfig: typeof import('../../config/config-file.ts').readConfig,
  ): { name: string; host: string }[] {
    try {
      const { tunnels } = readConfig(process.env);
      return [...tunnels].map(([name, { host }]) => ({ name, host }));
    } catch (error) {
      this.talk(`devaccess: ${errorLine(error)}`);
      return [];
    }
  }
}

function unknownTunnel(name: string, tunnels: TunnelList['tunnels']): DevaccessError {
  const known = tunnels.map((tunnel) => tunnel.name);
  return new DevaccessError('DA_TUNNEL_UNKNOWN', `There is no tunnel '${name}'`, {
    next: known.length === 0 ? 'see docs/config.md' : `there is ${known.join(', ')}`,
    exitCode: EXIT.usage,
  });
}
