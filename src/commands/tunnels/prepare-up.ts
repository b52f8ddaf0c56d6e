import { readConfig } from '../../config/config-file.ts';
import type { Environment } from '../../platform/paths.ts';
import { clearGone } from '../../session/tunnels/end-tunnels.ts';
import type { EndedTunnels } from '../../session/tunnels/end-tunnels.ts';
import { RunRegistry } from '../../session/tunnels/run-registry.ts';
import type { FoundRun } from '../../session/tunnels/run-registry.ts';
import { planDigest } from '../../session/tunnels/tunnel-plan.ts';
import type { TunnelPlan } from '../../session/tunnels/tunnel-plan.ts';
import { planTunnels } from './plan-tunnels.ts';
import { tunnelServices } from './tunnel-services.ts';
import type { TunnelServices } from './tunnel-services.ts';

/** A tunnel that another process carries. */
export interface AlreadyUp {
  name: string;
  pid: number;
  isDetached: boolean;
  /** Its process does not answer. */
  isHung: boolean;
  /** Its settings are not what they were when it was opened. */
  isOutdated: boolean;
}

export interface PreparedUp {
  /** What is still to be opened. */
  plans: TunnelPlan[];
  alreadyUp: AlreadyUp[];
  /** Of processes that were killed. */
  leftSessions: EndedTunnels['leftSessions'];
  registry: RunRegistry;
  services: TunnelServices;
}

/**
 * Looks up the tunnels with these names, clears up after processes that were killed, and leaves out
 * what is up already.
 *
 * @throws DevaccessError those of the config file, of looking up hosts, and of the state folder
 */
export async function prepareUp(names: readonly string[], env: Environment): Promise<PreparedUp> {
  const plans = await planTunnels(names, readConfig(env), env);
  const registry = new RunRegistry(env);
  const services = tunnelServices(env);
  const runs = await registry.find();
  const { leftSessions } = await clearGone(runs, { registry, ...services });
  return { ...splitByRunning(plans, runs), leftSessions, registry, services };
}

function splitByRunning(
  plans: readonly TunnelPlan[],
  runs: readonly FoundRun[],
): Pick<PreparedUp, 'plans' | 'alreadyUp'> {
  const carried = new Map(
    runs
      .filter(({ state }) => state !== 'gone')
      .flatMap(({ record, state }) =>
        record.tunnels.map((tunnel) => [tunnel.name, { tunnel, record, state }]),
      ),
  );
  const alreadyUp = plans.flatMap((plan) => {
    const found = carried.get(plan.name);
    if (found === undefined) return [];
    const { tunnel, record, state } = found;
    return {
      name: plan.name,
      pid: record.process.pid,
      isDetached: record.isDetached,
      isHung: state === 'hung',
      isOutdated: tunnel.digest !== planDigest(plan),
    };
  });
  return { plans: plans.filter(({ name }) => !carried.has(name)), alreadyUp };
}
