/** How a running set of tunnels is shown: as lines, as JSON, or live on a terminal. */
import { LiveRegion } from '../../cli/live-region.ts';
import type { LiveTerminal } from '../../cli/live-region.ts';
import { terminalStyle } from '../../cli/terminal-style.ts';
import { roughDuration } from '../../cli/time.ts';
import { printable } from '../../platform/errors.ts';
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { forwardEventText } from '../../session/forward/event-text.ts';
import type { ExpiryEvent } from '../../session/tunnels/expiry-watch.ts';
import type { TunnelsEvent } from '../../session/tunnels/run-tunnels.ts';
import type { TunnelSet } from '../../session/tunnels/tunnel-set.ts';
import { tunnelsView } from './tunnels-view.ts';

export interface TunnelsPresenter {
  /** Before they are opened. */
  begin(tunnels: TunnelSet): void;
  event(event: TunnelsEvent): void;
  end(): void;
}

/** The presenter that suits a run. */
export function choosePresenter(
  isJson: boolean,
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
  env: Environment,
): TunnelsPresenter {
  if (isJson) return linePresenter((line) => stdout.write(line), JSON.stringify);
  const term = envValue(env, 'TERM');
  const isLive = stderr.isTTY && term !== undefined && term !== 'dumb';
  if (isLive) return livePresenter(stderr, env);
  return linePresenter((line) => stderr.write(line), eventLine);
}

function linePresenter(
  write: (line: string) => void,
  lineOf: (event: TunnelsEvent) => string | undefined,
): TunnelsPresenter {
  return {
    begin: () => undefined,
    event: (event) => {
      const line = lineOf(event);
      if (line !== undefined) write(`${line}\n`);
    },
    end: () => undefined,
  };
}

const REDRAW_MS = 1_000;
/** Connections may come by the thousand. */
const SOON_MS = 100;

function livePresenter(terminal: LiveTerminal, env: Environment): TunnelsPresenter {
  let tunnels: TunnelSet | undefined;
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Timeout | undefined;
  const warnings = new Map<string, ExpiryEvent>();
  const draw = (): void => {
    if (tunnels === undefined) return;
    const set = tunnels;
    const model = {
      tunnels: set.statuses,
      histories: (name: string) => set.histories(name),
      warnings: [...warnings.values()].map(expiryText),
    };
    region.draw(tunnelsView(model, { columns: region.columns, ...terminalStyle(env) }));
  };
  const drawSoon = (): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      draw();
    }, SOON_MS);
  };
  const region = new LiveRegion(terminal, draw);
  const resume = (): void => {
    region.forget();
    drawSoon();
  };
  return {
    begin: (set) => {
      tunnels = set;
      draw();
      timer = setInterval(draw, REDRAW_MS);
      // After Ctrl-Z the shell has written below.
      process.on('SIGCONT', resume);
    },
    event: (event) => {
      if ('owner' in event) {
        if (event.event === 'credentials-renewed') warnings.delete(event.owner);
        else warnings.set(event.owner, event);
      }
      const line = event.event === 'listening' ? undefined : eventLine(event);
      if (line !== undefined) region.print(`${clockText()} ${line}`);
      drawSoon();
    },
    end: () => {
      process.off('SIGCONT', resume);
      clearInterval(timer);
      clearTimeout(soon);
      // Connections that close late are no longer shown.
      tunnels = undefined;
      region.draw([]);
      region.end();
    },
  };
}

/** What a person is told of an event; undefined for those that are of no interest. */
export function eventLine(event: TunnelsEvent): string | undefined {
  if ('owner' in event) return printable(expiryText(event));
  const text = forwardEventText(event);
  return text === undefined ? undefined : printable(`${event.tunnel}: ${text}`);
}

/** That credentials end, have ended or are renewed, and what to run. */
export function expiryText({ event, owner, endsAt, renew }: ExpiryEvent): string {
  const leftMs = endsAt === null ? 0 : Date.parse(endsAt) - Date.now();
  switch (event) {
    case 'credentials-ending':
      return `the session of ${owner} ends in ${roughDuration(Math.round(leftMs / 1000))}; run ${renew}`;
    case 'credentials-ended':
      return `the session of ${owner} has ended: open connections live on, new sessions need ${renew}`;
    case 'credentials-renewed':
      return `the session of ${owner} is renewed${endsAt === null ? '' : ` for ${roughDuration(Math.round(leftMs / 1000))}`}`;
    default:
      return event satisfies never;
  }
}

function clockText(): string {
  return new Date().toTimeString().slice(0, 8);
}
