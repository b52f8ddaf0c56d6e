import { bytesText } from '../../cli/quantities.ts';
import { sparkline } from '../../cli/sparkline.ts';
import { cut, tableLines } from '../../cli/table.ts';
import { printable } from '../../platform/errors.ts';
import type {
  ListenerStatus,
  TunnelState,
  TunnelStatus,
} from '../../session/tunnels/tunnel-status.ts';

export interface TunnelsViewModel {
  tunnels: readonly TunnelStatus[];
  /** Bytes per second of a tunnel's listeners, oldest first. */
  histories: (tunnel: string) => readonly (readonly number[])[];
  /** What stays to be said, such as that credentials end. */
  warnings: readonly string[];
}

export interface TunnelsViewStyle {
  columns: number;
  isUnicode: boolean;
  hasColor: boolean;
}

/** Below so much a second a bar is not high. */
const QUIET_BYTES = 10 * 1024;
const SPARK_WIDTH = 24;
/** `99.9 MiB`: the columns of figures do not move while they grow. */
const FIGURE_WIDTH = 8;

/** Marks, and colours by their number in ECMA-48 (SGR). */
const LOOKS = {
  up: { mark: '●', ascii: '*', color: 32, text: '' },
  idle: {
    mark: '○',
    ascii: 'o',
    color: 90,
    text: 'idle: the next connection starts a session',
  },
  reconnecting: { mark: '◌', ascii: '~', color: 33, text: 'connection lost; resuming' },
  failing: { mark: '✗', ascii: '!', color: 31, text: 'no session' },
  closing: { mark: '○', ascii: 'o', color: 90, text: 'closing' },
  opening: { mark: '◌', ascii: '.', color: 33, text: 'opening' },
} as const satisfies Record<TunnelState, object>;

/** The live view: a table of listeners, and below it what is out of the ordinary. */
export function tunnelsView(model: TunnelsViewModel, style: TunnelsViewStyle): string[] {
  const ellipsis = style.isUnicode ? '…' : '~';
  const rows = model.tunnels.flatMap((tunnel) => {
    const histories = model.histories(tunnel.name);
    return tunnel.listeners.map((listener, index) => ({
      tunnel,
      listener,
      isFirst: index === 0,
      history: histories[index] ?? [],
    }));
  });
  const column = (cell: (row: (typeof rows)[number]) => string): string[] => rows.map(cell);
  const lines = tableLines(
    [
      {
        head: '  TUNNEL',
        cells: column(({ tunnel, isFirst }) =>
          isFirst ? `${mark(tunnel, style)} ${tunnel.name}` : '',
        ),
        min: 10,
        dispensable: 0,
      },
      { head: 'LOCAL', cells: column(({ listener }) => listener.listen), min: 15, dispensable: 1 },
      {
        head: 'REACHES',
        cells: column(({ listener }) => listener.remote),
        min: 14,
        dispensable: 3,
      },
      {
        head: 'CONN',
        cells: column(({ listener }) => String(listener.connections)),
        align: 'right',
        dispensable: 2,
      },
      {
        head: 'TOTAL'.padStart(FIGURE_WIDTH),
        cells: column(({ listener }) => bytesText(listener.bytes.up + listener.bytes.down)),
        align: 'right',
        dispensable: 4,
      },
      {
        head: 'RATE'.padStart(FIGURE_WIDTH + '/s'.length),
        cells: column(({ listener }) => rateText(listener)),
        align: 'right',
        dispensable: 0,
      },
      {
        head: '',
        cells: column(({ history }) =>
          sparkline(history, SPARK_WIDTH, { ...style, atLeast: QUIET_BYTES }),
        ),
        min: 6,
        keepsEnd: true,
        dispensable: 5,
      },
    ],
    style.columns,
    ellipsis,
  );
  const notes = [...model.tunnels.flatMap(noteOf), ...model.warnings].map((note) =>
    cut(`  ${printable(note)}`, style.columns, ellipsis),
  );
  return [...colored(lines, rows, style), ...notes];
}

function noteOf({ name, state, problem }: TunnelStatus): string[] {
  const { text } = LOOKS[state];
  if (text === '') return [];
  return [`${name}: ${state === 'failing' && problem !== null ? problem : text}`];
}

function mark({ state }: TunnelStatus, { isUnicode }: TunnelsViewStyle): string {
  return isUnicode ? LOOKS[state].mark : LOOKS[state].ascii;
}

function rateText({ rate: { up, down } }: ListenerStatus): string {
  return up + down === 0 ? '-' : `${bytesText(up + down)}/s`;
}

/** The header dim, and each tunnel's mark in the colour of its state. */
function colored(
  [header = '', ...lines]: readonly string[],
  rows: readonly { tunnel: TunnelStatus; isFirst: boolean }[],
  { hasColor }: TunnelsViewStyle,
): string[] {
  if (!hasColor) return [header, ...lines];
  const body = lines.map((line, index) => {
    const row = rows[index];
    if (row?.isFirst !== true) return line;
    const { color } = LOOKS[row.tunnel.state];
    return `\u001b[${color}m${line.slice(0, 1)}\u001b[39m${line.slice(1)}`;
  });
  return [`\u001b[2m${header}\u001b[22m`, ...body];
}
