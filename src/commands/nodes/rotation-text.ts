import { tableLines } from '../../cli/table.ts';
import type { NodeRotation } from '../../nodes/rotate/rotate-credentials.ts';
import { printable } from '../../platform/errors.ts';

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
