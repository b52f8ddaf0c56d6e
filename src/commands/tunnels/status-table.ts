import { bytesText } from '../../cli/quantities.ts';
import { tableLines } from '../../cli/table.ts';
import { localAndUtc } from '../../cli/time.ts';
import { printable } from '../../platform/errors.ts';
import type { ListenerStatus } from '../../session/tunnels/tunnel-status.ts';
import type { ListedTunnel } from '../../session/tunnels/list-tunnels.ts';

interface Row {
  tunnel: ListedTunnel;
  /** Undefined for a tunnel of which no listener is known. */
  listener: ListenerStatus | undefined;
  isFirst: boolean;
}

/** The table of `devaccess tunnels status`, and below it what went wrong. */
export function statusLines(tunnels: readonly ListedTunnel[], columns: number): string[] {
  const rows = tunnels.flatMap((tunnel): Row[] =>
    tunnel.listeners.length === 0
      ? [{ tunnel, listener: undefined, isFirst: true }]
      : tunnel.listeners.map((listener, index) => ({ tunnel, listener, isFirst: index === 0 })),
  );
  const first = (cell: (tunnel: ListedTunnel) => string) =>
    rows.map(({ tunnel, isFirst }) => (isFirst ? printable(cell(tunnel)) : ''));
  const each = (cell: (listener: ListenerStatus) => string) =>
    rows.map(({ listener }) => (listener === undefined ? '' : printable(cell(listener))));
  const table = tableLines(
    [
      { head: 'TUNNEL', cells: first(({ name }) => name), min: 6, dispensable: 0 },
      { head: 'STATE', cells: first(({ state }) => state), dispensable: 0 },
      { head: 'LOCAL', cells: each(({ listen }) => listen), min: 15, dispensable: 1 },
      { head: 'REACHES', cells: each(({ remote }) => remote), min: 14, dispensable: 3 },
      {
        head: 'CONN',
        cells: each(({ connections }) => String(connections)),
        align: 'right',
        dispensable: 2,
      },
      {
        head: 'TOTAL',
        cells: each(({ bytes: { up, down } }) => bytesText(up + down)),
        align: 'right',
        dispensable: 5,
      },
      {
        head: 'RATE',
        cells: each(({ rate: { up, down } }) => `${bytesText(up + down)}/s`),
        align: 'right',
        dispensable: 6,
      },
      { head: 'SINCE', cells: first(sinceText), min: 5, dispensable: 4 },
      { head: 'PROCESS', cells: first(processText), dispensable: 7 },
      { head: 'SESSIONS', cells: first(({ sessionIds }) => sessionIds.join(' ')), dispensable: 8 },
    ],
    columns,
    '~',
  );
  const problems = tunnels.flatMap(({ name, state, problem, sessionIds }) => {
    if (state === 'gone') {
      const open = sessionIds.length === 0 ? '' : `, and ${sessionIds.length} sessions may be open`;
      return [
        `${name}: its process was killed${open}: run 'devaccess tunnels down ${name}', or up`,
      ];
    }
    if (state === 'hung')
      return [`${name}: its process does not answer: run 'devaccess tunnels down ${name}'`];
    return problem === null ? [] : [`${name}: ${problem}`];
  });
  return [...table, ...problems.map(printable)];
}

/** Time of day, for what is not from today the date. */
function sinceText({ since }: ListedTunnel): string {
  if (since === null) return '';
  const [date = '', time = ''] = localAndUtc(since).split(' ');
  const [today] = localAndUtc(new Date().toISOString()).split(' ');
  return date === today ? time.slice(0, 5) : date;
}

function processText({ pid, isDetached }: ListedTunnel): string {
  return pid === null ? '' : `${pid}${isDetached === true ? '' : ' (terminal)'}`;
}
