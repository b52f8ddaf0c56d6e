import { DevaccessCommand } from '../../../cli/base-command.ts';
import { tableLines } from '../../../cli/table.ts';
import type { Column } from '../../../cli/table.ts';
import { localAndUtc } from '../../../cli/time.ts';
import type { Activation } from '../../../nodes/activations.ts';
import { printable } from '../../../platform/errors.ts';
import { tagText } from '../node-table.ts';
import { ACCOUNT_FLAGS, withNodeApi } from '../node-flags.ts';

export default class NodesActivationsList extends DevaccessCommand {
  static override summary = 'List activations: who can still register, as what, and until when.';
  static override examples = ['<%= config.bin %> <%= command.id %>'];
  static override flags = ACCOUNT_FLAGS;

  async run(): Promise<{ activations: Activation[] }> {
    const { flags } = await this.parse(NodesActivationsList);
    const { listActivations } = await import('../../../nodes/activations.ts');
    const activations = await withNodeApi(flags, listActivations);
    if (!this.jsonEnabled()) this.show(activations);
    return { activations };
  }

  private show(activations: readonly Activation[]): void {
    if (activations.length === 0) {
      this.talk('There is no activation.');
      return;
    }
    const width = process.stdout.isTTY ? process.stdout.columns : Infinity;
    for (const line of tableLines(columns(activations), width, '…')) this.log(line);
  }
}

function columns(activations: readonly Activation[]): Column[] {
  const cells = (text: (activation: Activation) => string | null): string[] =>
    activations.map((activation) => printable(text(activation) ?? ''));
  return [
    { head: 'ACTIVATION', cells: cells(({ activationId }) => activationId), dispensable: 0 },
    { head: 'STATE', cells: cells(({ state }) => state), dispensable: 0 },
    {
      head: 'NODES',
      cells: cells(({ registrations, limit }) => `${registrations} of ${limit}`),
      dispensable: 1,
    },
    {
      head: 'UNTIL',
      cells: cells(({ expiresAt }) => (expiresAt === null ? null : localAndUtc(expiresAt))),
      dispensable: 3,
    },
    { head: 'ROLE', cells: cells(({ iamRole }) => iamRole), min: 8, dispensable: 4 },
    { head: 'NAME', cells: cells(({ name }) => name), min: 8, dispensable: 2 },
    {
      head: 'DESCRIPTION',
      cells: cells(({ description }) => description),
      min: 11,
      dispensable: 6,
    },
    { head: 'TAGS', cells: cells(({ tags }) => tagText(tags)), min: 8, dispensable: 5 },
  ].filter((column) => column.cells.some((text) => text !== ''));
}
