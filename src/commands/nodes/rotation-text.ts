import { tableLines } from '../../cli/table.ts';
import type { NodeRotation } from '../../nodes/rotate/rotate-credentials.ts';
import { printable } from '../../platform/errors.ts';
import type { CheckedRotation } from './rotate-flags.ts';

export const INSTALL_ADVICE =
  'It asks for the command that installs devaccess on the build machine: from a place of yours, as it ' +
  'runs with the rights to do all this.';

export const STOPPING =
  'Cancelling what runs, and removing what was put; once more leaves at once.';

/** What is about to be done, and what is to be known of it. */
export function rotationPlan(count: number, { flags }: CheckedRotation): string {
  const { name, via, 'put-only': isPut, 'kms-key': key, 'max-concurrency': atOnce } = flags;
  const nodes = count === 1 ? '1 node' : `${count} nodes`;
  const open =
    via === 'parameter' && key === undefined
      ? '\nWithout --kms-key, what may ssm:GetParameter can read them while they are there: all ' +
        'nodes and instances with AmazonSSMManagedInstanceCore.'
      : '';
  return `${isPut ? 'Putting' : 'Rotating'} ${name} for ${nodes}, ${atOnce} at a time.${open}`;
}

/** What became of each node. */
export function rotationLines(nodes: readonly NodeRotation[]): string[] {
  const cells = (text: (node: NodeRotation) => string | null): string[] =>
    nodes.map((node) => printable(text(node) ?? ''));
  const columns = [
    { head: 'NODE', cells: cells(({ instanceId }) => instanceId), dispensable: 0 },
    { head: 'NAME', cells: cells(({ name }) => name), min: 8, dispensable: 2 },
    { head: 'STATUS', cells: cells(({ status }) => status), dispensable: 0 },
    { head: 'UNTIL', cells: cells(({ expiration }) => expiration), dispensable: 1 },
    { head: 'DETAIL', cells: cells(({ detail }) => detail), min: 10, dispensable: 3 },
  ].filter((column) => column.cells.some((text) => text !== ''));
  return tableLines(columns, process.stdout.isTTY ? process.stdout.columns : Infinity, '…');
}

/** `1980 Success, 12 Offline, 8 Failed`. */
export function rotationSummary(nodes: readonly NodeRotation[]): string {
  const counts = new Map<string, number>();
  for (const { status } of nodes) counts.set(status, (counts.get(status) ?? 0) + 1);
  const sorted = [...counts].sort(([, left], [, right]) => right - left);
  return sorted.map(([status, count]) => `${count} ${status}`).join(', ');
}
