import type { Column } from '../../cli/table.ts';
import { roughDuration } from '../../cli/time.ts';
import type { HybridNode } from '../../nodes/node-list.ts';
import { printable } from '../../platform/errors.ts';

/** Enough of a UUID to find it again. */
const SHORT_ID = 8;

/** Columns of a table of nodes; those that say nothing are left out. */
export function nodeColumns(nodes: readonly HybridNode[]): Column[] {
  const cells = (text: (node: HybridNode) => string | null): string[] =>
    nodes.map((node) => printable(text(node) ?? ''));
  return [
    { head: 'NODE', cells: cells(({ instanceId }) => instanceId), dispensable: 0 },
    {
      head: 'NAME',
      cells: cells(({ name, computerName }) => name ?? computerName),
      min: 8,
      dispensable: 1,
    },
    { head: 'PING', cells: cells(ping), dispensable: 1 },
    { head: 'AGENT', cells: cells(({ agentVersion }) => agentVersion), dispensable: 2 },
    { head: 'PLATFORM', cells: cells(({ platform }) => platform), min: 8, dispensable: 4 },
    { head: 'ROLE', cells: cells(({ iamRole }) => iamRole), min: 8, dispensable: 5 },
    {
      head: 'ACTIVATION',
      cells: cells(({ activationId }) => activationId?.slice(0, SHORT_ID) ?? null),
      dispensable: 6,
    },
    { head: 'TAGS', cells: cells(({ tags }) => tagText(tags ?? {})), min: 8, dispensable: 3 },
  ].filter((column) => column.cells.some((text) => text !== ''));
}

/** `Site=Berlin, Role=pos`. */
export function tagText(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}

function ping({ pingStatus, silentSeconds }: HybridNode): string {
  const isKnown = pingStatus !== 'Online' && silentSeconds !== null;
  return isKnown ? `${pingStatus} (${roughDuration(silentSeconds)})` : pingStatus;
}
