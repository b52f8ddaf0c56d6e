/** The process of `devaccess tunnels up --detach`: no terminal, no command line, no oclif. */
import { DevaccessError, EXIT, errorLine } from '../../platform/errors.ts';
import { boundedLog } from '../../platform/log.ts';
import { takeStopSignals } from '../../platform/stop-request.ts';
import type { DetachedAnswer, DetachedWork } from '../../session/tunnels/detach.ts';
import { RunRegistry } from '../../session/tunnels/run-registry.ts';
import { runTunnels } from '../../session/tunnels/run-tunnels.ts';
import { tunnelServices } from './tunnel-services.ts';

/** Waits for its parent to tell what to do, and ends when its last tunnel has been closed. */
export async function detachedMain(): Promise<void> {
  process.title = `devaccess tunnels ${process.argv.slice(2).join(' ')}`;
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { signal } = takeStopSignals();
  const parentGone = new AbortController();
  const giveUp = (): void => parentGone.abort();
  process.once('disconnect', giveUp);
  const { plans } = await new Promise<DetachedWork>((resolve) => {
    process.once('message', (message) => resolve(message as DetachedWork));
  });
  const registry = new RunRegistry(process.env);
  const log = boundedLog(registry.logFile);
  try {
    await runTunnels({
      plans,
      ...tunnelServices(process.env),
      registry,
      isDetached: true,
      log,
      stop: AbortSignal.any([signal, parentGone.signal]),
      onEvent: ({ event, ...facts }) => log.event(event, facts),
      onReady: ({ statuses }) => {
        process.off('disconnect', giveUp);
        void tell({ outcome: 'ready', pid: process.pid, tunnels: statuses });
      },
    });
  } catch (error) {
    log.event('failed', { reason: errorLine(error) });
    await tell({ outcome: 'failed', error: describe(error) });
  }
}

async function tell(answer: DetachedAnswer): Promise<void> {
  if (process.connected) await new Promise((resolve) => process.send?.(answer, resolve));
  // The parent may have gone meanwhile.
  const isConnected = (): boolean => process.connected;
  if (isConnected()) process.disconnect();
}

function describe(error: unknown): (DetachedAnswer & { outcome: 'failed' })['error'] {
  if (error instanceof DevaccessError) {
    const { code, message, next, exitCode } = error;
    return { code, message, next, exitCode };
  }
  return { code: 'DA_UNEXPECTED', message: errorLine(error), exitCode: EXIT.failed };
}
