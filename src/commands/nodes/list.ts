import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { tableLines } from '../../cli/table.ts';
import type { NodeList } from '../../nodes/node-list.ts';
import { printable } from '../../platform/errors.ts';
import { nodeColumns } from './node-table.ts';
import { ACCOUNT_FLAGS, withNodeApi } from './node-flags.ts';

export default class NodesList extends DevaccessCommand {
  static override summary = 'List the machines outside AWS that are registered as nodes.';
  static override description =
    'Shows whether each is there, its agent, tags and activation, and says what needs attention: ' +
    'old agents, and the tier, without which there are no sessions to these nodes.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --tag Site=Berlin --json',
  ];
  static override flags = {
    tag: Flags.string({
      helpValue: 'K=V',
      summary: 'only nodes with the tag; given again, with all of them',
      multiple: true,
      default: [],
    }),
    tags: Flags.boolean({
      default: true,
      allowNo: true,
      summary: 'show tags, which takes a call for each node',
    }),
    ...ACCOUNT_FLAGS,
  };

  async run(): Promise<NodeList> {
    const { flags } = await this.parse(NodesList);
    const { listNodes } = await import('../../nodes/node-list.ts');
    const { parseNodeTag } = await import('../../nodes/node-tag.ts');
    const tags = flags.tag.map(parseNodeTag);
    const list = await withNodeApi(flags, (api) =>
      listNodes(api, { tags, withTags: flags.tags }, Date.now()),
    );
    if (!this.jsonEnabled()) this.show(list);
    return list;
  }

  private show({ nodes, notices, region, tierAdvice }: NodeList): void {
    for (const notice of notices) this.talk(printable(`devaccess: ${notice}`));
    if (nodes.length === 0) {
      this.talk(`No such node is registered in ${region}.`);
      return;
    }
    // A program that reads this gets all of it.
    const width = process.stdout.isTTY ? process.stdout.columns : Infinity;
    for (const line of tableLines(nodeColumns(nodes), width, '…')) this.log(line);
    const advice = new Map<string, string[]>();
    for (const { agentAdvice, instanceId, name } of nodes) {
      if (agentAdvice === null) continue;
      const label = name === null ? instanceId : `${name} (${instanceId})`;
      advice.set(agentAdvice, [...(advice.get(agentAdvice) ?? []), label]);
    }
    for (const [text, names] of advice) this.talk(printable(`${shortList(names)}: ${text}`));
    if (tierAdvice !== null) this.talk(tierAdvice);
  }
}

function shortList(names: readonly string[]): string {
  const rest = names.length - 5;
  return names.slice(0, 5).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
