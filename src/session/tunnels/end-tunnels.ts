import { setTimeout as sleep } from 'node:timers/promises';
import { errorLine } from '../../platform/errors.ts';
import { isSameProcess } from '../../platform/process-identity.ts';
import type { ProcessIdentity } from '../../platform/process-identity.ts';
import type { SessionApi } from '../session-api.ts';
import { askControl } from './control.ts';
import type { RunRecord } from './run-record.ts';
import type { FoundRun, RunRegistry } from './run-registry.ts';
import type { TunnelPlan } from './tunnel-plan.ts';

export interface EndedTunnels {
  ended: {
    name: string;
    /** `closed`: in good order. `killed`: its process hung. `cleared`: its process was gone. */
    how: 'closed' | 'killed' | 'cleared';
  }[];
  /** Sessions that a process which could not do it any more had left open, and that were ended. */
  endedSessions: string[];
  /** Those of them that could not be ended; they end by themselves when they are idle for long. */
  leftSessions: { sessionId: string; why: string }[];
}

export interface EndTunnelsOptions {
  registry: RunRegistry;
  apiFor: (account: Pick<TunnelPlan, 'profile' | 'region'>) => Promise<SessionApi>;
}

/** Closing ends the sessions with the service. */
const CLOSE_MS = 30_000;
/** From the last answer to the end of the process. */
const EXIT_MS = 15_000;
const TERMINATE_MS = 5_000;
const LOOK_MS = 25;

/**
 * Ends running tunnels, whatever their processes are up to, and waits until it is so.
 *
 * @param wanted tells of a tunnel's name whether it is to end
 */
export async function endTunnels(
  wanted: (name: string) => boolean,
  options: EndTunnelsOptions,
): Promise<EndedTunnels> {
  const runs = (await options.registry.find()).filter(({ record }) =>
    record.tunnels.some(({ name }) => wanted(name)),
  );
  return together(await Promise.all(runs.map((run) => endInRun(run, wanted, options))));
}

/** Clears up after processes that are gone: ends their sessions, and forgets them. */
export async function clearGone(
  runs: readonly FoundRun[],
  options: EndTunnelsOptions,
): Promise<EndedTunnels> {
  const gone = runs.filter(({ state }) => state === 'gone');
  return together(await Promise.all(gone.map(({ record }) => clear(record, 'cleared', options))));
}

async function endInRun(
  run: FoundRun,
  wanted: (name: string) => boolean,
  options: EndTunnelsOptions,
): Promise<EndedTunnels> {
  const { record } = run;
  if (run.state === 'gone') return clear(record, 'cleared', options);
  const names = record.tunnels.map(({ name }) => name).filter(wanted);
  if (run.state === 'alive' && (await close(record, names))) {
    return {
      ended: names.map((name) => ({ name, how: 'closed' })),
      endedSessions: [],
      leftSessions: [],
    };
  }
  await kill(record.process);
  return clear(record, 'killed', options);
}

/** Whether the process has closed them, and is gone itself if it has no others. */
async function close(record: RunRecord, names: string[]): Promise<boolean> {
  try {
    const { tunnels } = await askControl(record.socketPath, { ask: 'close', names }, CLOSE_MS);
    if (tunnels.length > 0) return true;
  } catch {
    // It may have ended before its answer was out.
  }
  return hasEnded(record.process, EXIT_MS);
}

async function kill(process: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isSameProcess(process)) return;
    globalThis.process.kill(process.pid, signal);
    if (await hasEnded(process, TERMINATE_MS)) return;
  }
}

async function hasEnded(process: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  while (isSameProcess(process)) {
    if (performance.now() > deadlineMs) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

async function clear(
  record: RunRecord,
  how: 'killed' | 'cleared',
  { registry, apiFor }: EndTunnelsOptions,
): Promise<EndedTunnels> {
  const result: EndedTunnels = {
    ended: record.tunnels.map(({ name }) => ({ name, how })),
    endedSessions: [],
    leftSessions: [],
  };
  const sessions = record.tunnels.flatMap(({ sessionIds, ...account }) =>
    sessionIds.map((sessionId) => ({ sessionId, account })),
  );
  await Promise.all(
    sessions.map(async ({ sessionId, account: { profile, region } }) => {
      try {
        const api = await apiFor({ profile: profile ?? undefined, region: region ?? undefined });
        await api.terminate(sessionId);
        result.endedSessions.push(sessionId);
      } catch (error) {
        result.leftSessions.push({ sessionId, why: errorLine(error) });
      }
    }),
  );
  registry.remove(record);
  return result;
}

function together(results: readonly EndedTunnels[]): EndedTunnels {
  return {
    ended: results.flatMap(({ ended }) => ended),
    endedSessions: results.flatMap(({ endedSessions }) => endedSessions),
    leftSessions: results.flatMap(({ leftSessions }) => leftSessions),
  };
}
