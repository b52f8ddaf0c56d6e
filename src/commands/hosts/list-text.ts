/** What people see of `hosts list`. */
import type { Column } from '../../cli/table.ts';
import type { HostListResult, ListedHost } from '../../hosts/host-list.ts';
import { printable } from '../../platform/errors.ts';

/** Columns of a table of hosts; those that say nothing are left out. */
export function hostColumns(hosts: readonly ListedHost[]): Column[] {
  const cells = (text: (host: ListedHost) => string | null): string[] =>
    hosts.map((host) => printable(text(host) ?? ''));
  const names = new Map(hosts.map(({ instanceId, name }) => [instanceId, name]));
  const way = ({ route, bastion }: ListedHost): string | null =>
    bastion === null ? route : `${route ?? ''} via ${names.get(bastion) ?? bastion}`;
  return [
    { head: 'HOST', cells: cells(({ name }) => name), dispensable: 0 },
    { head: 'STATUS', cells: cells(({ status }) => status), dispensable: 0 },
    { head: 'ROUTE', cells: cells(way), min: 12, dispensable: 2 },
    { head: 'ADDRESS', cells: cells(({ address }) => address), dispensable: 5 },
    { head: 'USER', cells: cells(({ user }) => user), dispensable: 6 },
    { head: 'FLEET', cells: cells(owner), dispensable: 4 },
    { head: 'PROFILE', cells: cells(({ profile }) => profile), min: 8, dispensable: 7 },
    { head: 'REGION', cells: cells(({ region }) => region), dispensable: 7 },
    { head: 'ID', cells: cells(({ instanceId }) => instanceId), dispensable: 3 },
    { head: 'WHY NOT', cells: cells(({ reason }) => reason), min: 20, dispensable: 1 },
  ].filter((column) => column.cells.some((text) => text !== ''));
}

/** What could not be asked, and what is to be known. */
export function listRemarks({ failed, notices }: HostListResult): string[] {
  return [...notices, ...failed.map(({ message }) => message)].map((text) =>
    printable(`devaccess: ${text}`),
  );
}

function owner({ fleet, isFixed }: ListedHost): string | null {
  return isFixed ? '(fixed)' : fleet;
}
