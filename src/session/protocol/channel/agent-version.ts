/** What an agent of some version can do; every gate is "strictly greater" (docs/protocol.md §5). */
export interface AgentAbilities {
  terminateSessionFlag: boolean;
  tcpMultiplexing: boolean;
  smuxKeepAliveDisabled: boolean;
}

const TERMINATE_FLAG_AFTER = [2, 3, 722, 0];
const MULTIPLEXING_AFTER = [3, 0, 196, 0];
const NO_KEEP_ALIVE_AFTER = [3, 1, 1511, 0];
const EXIT_CODES_FROM = [3, 1, 1511, 0];

/** Reads the gates off an AgentVersion; all false unless it has four numeric parts. */
export function agentAbilities(agentVersion: string): AgentAbilities {
  const version = versionParts(agentVersion);
  const isAfter = (gate: number[]): boolean => version !== undefined && compare(version, gate) > 0;
  return {
    terminateSessionFlag: isAfter(TERMINATE_FLAG_AFTER),
    tcpMultiplexing: isAfter(MULTIPLEXING_AFTER),
    smuxKeepAliveDisabled: isAfter(NO_KEEP_ALIVE_AFTER),
  };
}

/** Whether an agent can keep a command's streams apart, and tells its exit code then (§6). */
export function tellsExitCodes(agentVersion: string): boolean {
  const version = versionParts(agentVersion);
  return version !== undefined && compare(version, EXIT_CODES_FROM) >= 0;
}

function versionParts(agentVersion: string): number[] | undefined {
  return /^\d{1,9}\.\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(agentVersion)
    ? agentVersion.split('.').map(Number)
    : undefined;
}

function compare(left: number[], right: number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
