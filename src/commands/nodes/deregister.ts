import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { tableLines } from '../../cli/table.ts';
import type { DeregisteredNode, DeregistrationPlan } from '../../nodes/deregister.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import { nodeColumns } from './node-table.ts';
import { ACCOUNT_FLAGS, exitCodeOf, withNodeApi } from './node-flags.ts';

export default class NodesDeregister extends DevaccessCommand {
  static override summary = 'Deregister machines outside AWS: those named, or all with a tag.';
  static override description =
    'Systems Manager forgets them; their agents stop at their next call. To be nodes again they ' +
    'need an activation. Shows what it is about to do and asks, unless --yes is given.';
  static override usage = '<%= command.id %> [NODE...] [--tag K=V] [--yes] [flags]';
  static override examples = [
    '<%= config.bin %> <%= command.id %> mi-0123456789abcdef0',
    '<%= config.bin %> <%= command.id %> --tag Site=Berlin --yes',
  ];
  static override strict = false;
  static override flags = {
    tag: Flags.string({
      helpValue: 'K=V',
      summary: 'all nodes with the tag; given again, with all of them',
      multiple: true,
      default: [],
    }),
    yes: Flags.boolean({ char: 'y', default: false, summary: 'do not ask' }),
    ...ACCOUNT_FLAGS,
  };

  async run(): Promise<{ nodes: DeregisteredNode[] }> {
    const { argv, flags } = await this.parse(NodesDeregister);
    const { deregisterNodes, planDeregistration } = await import('../../nodes/deregister.ts');
    const { parseNodeTag } = await import('../../nodes/node-tag.ts');
    const { takeStopSignals } = await import('../../platform/stop-request.ts');
    const ids = argv as string[];
    if ((ids.length === 0) === (flags.tag.length === 0)) {
      this.error('name nodes, or choose them by --tag, not both', { exit: EXIT.usage });
    }
    if (this.jsonEnabled() && !flags.yes) {
      this.error('--json asks nothing: add --yes', { exit: EXIT.usage });
    }
    const tags = flags.tag.map(parseNodeTag);
    return withNodeApi(flags, async (api) => {
      const plan = await planDeregistration(api, { ids, tags }, Date.now());
      if (!flags.yes) await this.ask(plan, api.region);
      const stop = takeStopSignals();
      const nodes = await deregisterNodes(api, plan, stop.signal);
      const failed = nodes.filter(({ deregistered }) => !deregistered).length;
      process.exitCode = stop.exitCode ?? exitCodeOf(failed, nodes.length);
      if (!this.jsonEnabled()) this.show(nodes);
      return { nodes };
    });
  }

  private async ask({ nodes, unknown }: DeregistrationPlan, region: string): Promise<void> {
    const { confirm } = await import('../../cli/confirm.ts');
    for (const line of tableLines(nodeColumns(nodes), Infinity, '…')) this.talk(line);
    for (const id of unknown) this.talk(`${id} is not registered in ${region}`);
    const what = nodes.length === 1 ? 'this node' : `these ${nodes.length} nodes`;
    await confirm(`Deregister ${what} in ${region}?`, 'add --yes');
  }

  private show(nodes: readonly DeregisteredNode[]): void {
    for (const { instanceId, name, error } of nodes) {
      const who = name === null ? instanceId : `${instanceId} (${name})`;
      if (error === null) this.log(printable(`deregistered ${who}`));
      else this.talk(printable(`${who}: ${error.message} [${error.code}]`));
    }
  }
}
