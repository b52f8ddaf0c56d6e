/** Hybrid nodes of an account in one region; sessions need `advanced`, which costs for each node. */
export type NodeTier = 'standard' | 'advanced';

/** Standard nodes there can be in one account and region. */
const STANDARD_LIMIT = 1000;
const NEAR_LIMIT = 900;

/** What an agent lacks below a version, the gravest first (docs/protocol.md §5, AWS's user guide). */
const LACKS = [
  { below: '2.3.672.0', what: 'no SSH and no port forwarding through sessions' },
  { below: '3.0.196.1', what: 'one connection at a time through a forwarded port' },
  { below: '3.1.1374.0', what: 'no forwarding to hosts behind it' },
  { below: '3.1.1511.0', what: 'no exit codes of commands run through sessions' },
] as const;

/**
 * What to do about the agent of a node.
 *
 * @param isLatest as the service has it
 * @returns null where there is nothing to do
 */
export function agentAdvice(version: string | null, isLatest: unknown): string | null {
  if (version === null) return 'its agent has not reported yet: is it started?';
  const lack = LACKS.find(({ below }) => isOlder(version, below));
  if (lack !== undefined) return `update its agent: ${lack.what} with ${version}`;
  return isLatest === false ? 'there is a newer agent' : null;
}

/** What the tier means for so many nodes; null where there is nothing to say. */
export function tierAdvice(tier: NodeTier | null, count: number, region: string): string | null {
  if (tier === null || count === 0) return null;
  if (tier === 'advanced') {
    return `the advanced-instances tier is on in ${region}: AWS charges for each hybrid node by the hour`;
  }
  const near =
    count >= NEAR_LIMIT ? `; ${count} of the ${STANDARD_LIMIT} nodes it allows are used` : '';
  return (
    `the standard-instances tier is on in ${region}: AWS refuses sessions to these nodes, ssh and ` +
    `forwards among them; devaccess run --via run-command works${near}`
  );
}

/** False for what is no version of four parts. */
function isOlder(version: string, than: string): boolean {
  if (!/^\d{1,9}(\.\d{1,9}){3}$/.test(version)) return false;
  const parts = than.split('.').map(Number);
  for (const [index, part] of version.split('.').map(Number).entries()) {
    const difference = part - (parts[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
