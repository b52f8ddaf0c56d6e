import type { ManagedNode, SandboxAccount } from './account.ts';
import { randomResourceId } from './identifiers.ts';
import type { RunningScript, ScriptRequest, ScriptResult } from './run-command/shell-script.ts';
import { SEED } from './seed-names.ts';

/**
 * How a simulated node behaves. `silent`: it counts as online, and takes no command; `offline`: it
 * does not even count as online; `lying`: it tells of success and has done nothing; `noisy`: it
 * fails with much that a terminal would obey; `hanging`: it runs into its time limit.
 */
export type FleetBehaviour =
  'sound' | 'slow' | 'failing' | 'offline' | 'silent' | 'lying' | 'noisy' | 'hanging';

export interface FleetOptions {
  account: SandboxAccount;
  /** How many of each. */
  counts: Partial<Readonly<Record<FleetBehaviour, number>>>;
  tags: Readonly<Record<string, string>>;
  /** Milliseconds that a slow node takes. */
  slowMs: number;
  /** What a sound node's script says; throws where it fails. */
  perform: (instanceId: string, script: ScriptRequest) => string;
  nowMs: number;
}

/** Machines outside EC2 that are there in name alone: nothing of theirs is a process. */
export interface Fleet {
  readonly nodes: ReadonlyMap<string, FleetBehaviour>;
  /** For the sandbox's `startScript`. */
  start: (instanceId: string, script: ScriptRequest) => RunningScript | undefined;
}

/** Puts a fleet into an account. */
export function addFleet(options: FleetOptions): Fleet {
  const { account, counts, perform, slowMs } = options;
  const nodes = new Map<string, FleetBehaviour>();
  for (const [behaviour, count] of Object.entries(counts) as [FleetBehaviour, number][]) {
    for (let index = 0; index < count; index += 1) {
      const node = fleetNode(options, behaviour, index);
      account.nodes.push(node);
      nodes.set(node.instanceId, behaviour);
    }
  }
  return {
    nodes,
    start: (instanceId, script) => {
      const behaviour = nodes.get(instanceId);
      const say = (): ScriptResult => soundResult(() => perform(instanceId, script));
      switch (behaviour) {
        case 'sound':
          return running(0, say);
        case 'slow':
          return running(slowMs, say);
        case 'failing':
          return running(0, () => failed('publish: permission denied\n'));
        case 'lying':
          return running(0, () => success('ok ABCD 2000-01-01T00:00:00Z\n'));
        case 'noisy':
          return running(0, () => failed(`\u001b[2J\u001b]0;owned\u0007${'x'.repeat(30_000)}`));
        case 'hanging':
          return running(script.executionTimeoutS * 1000, () => ({
            ...failed(''),
            status: 'TimedOut',
          }));
        case 'offline':
        case 'silent':
        case undefined:
          return undefined;
      }
    },
  };
}

function fleetNode(
  { account, tags, nowMs }: FleetOptions,
  behaviour: FleetBehaviour,
  index: number,
): ManagedNode {
  const name = `${behaviour}-${index}`;
  const isThere = behaviour !== 'offline';
  return {
    instanceId: randomResourceId('mi'),
    region: account.region,
    pingStatus: isThere ? 'Online' : 'ConnectionLost',
    lastPingAtMs: isThere ? nowMs : nowMs - 3_600_000,
    agentVersion: SEED.agentVersion,
    platformType: 'Linux',
    platformName: 'Debian GNU/Linux',
    platformVersion: '12',
    resourceType: 'ManagedInstance',
    ipAddress: '192.0.2.1',
    computerName: name,
    tags,
    activation: {
      activationId: '00000000-0000-0000-0000-000000000000',
      iamRole: SEED.nodeRoleName,
      name,
      registeredAtMs: nowMs,
    },
  };
}

function running(afterMs: number, result: () => ScriptResult): RunningScript {
  let end: (result: ScriptResult) => void = () => undefined;
  const finished = new Promise<ScriptResult>((resolve) => (end = resolve));
  const timer = setTimeout(() => end(result()), afterMs);
  timer.unref();
  return {
    finished,
    cancel: () => {
      clearTimeout(timer);
      end({ status: 'Cancelled', responseCode: 137, stdout: '', stderr: '' });
    },
  };
}

function soundResult(perform: () => string): ScriptResult {
  try {
    return success(perform());
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

function success(stdout: string): ScriptResult {
  return { status: 'Success', responseCode: 0, stdout, stderr: '' };
}

/** With the remark that the agent sets behind what a script said. */
function failed(said: string): ScriptResult {
  const stderr = `${said}failed to run commands: exit status 1`;
  return { status: 'Failed', responseCode: 1, stdout: '', stderr };
}
