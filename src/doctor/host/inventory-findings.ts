import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';

/** A node as EC2 and SSM have it. */
export interface NodeFacts {
  instanceId: string;
  isHybrid: boolean;
  /** EC2 instance state; undefined where EC2 does not know the node or was not asked. */
  state: string | undefined;
  privateAddress: string | undefined;
  platformName: string | undefined;
  isWindows: boolean;
  /** Undefined where SSM does not know it. */
  pingStatus: string | undefined;
}

export interface InventoryFacts {
  /** Undefined: neither service shows it. */
  node: NodeFacts | undefined;
  instanceId: string;
  region: string;
  /** Whether each service could be asked. */
  knowsInstances: boolean;
  knowsPingStatus: boolean;
  /** Where the SSH config says the server is; undefined for a node that is reached by its id. */
  syncedAddress: string | undefined;
}

/** Whether the server is there, and where its entry says it is. */
export function inventoryFindings(facts: InventoryFacts): Finding[] {
  const { node, instanceId, region, knowsInstances, knowsPingStatus, syncedAddress } = facts;
  const isHybrid = instanceId.startsWith('mi-');
  if (node === undefined) {
    if (isHybrid ? knowsPingStatus : knowsInstances) {
      const what = `${instanceId} is not in ${region}: terminated, of another region or account`;
      const fix = { edit: 'check --region and --profile, then run devaccess hosts sync' };
      return [finding('server-gone', 'problem', what, fix)];
    }
    const what = `Whether ${instanceId} runs is not known: this profile may not ask`;
    return [finding('server-unknown', 'note', what)];
  }
  const { state, privateAddress, platformName, isWindows } = node;
  if (state !== undefined && state !== 'running') {
    const fix =
      state === 'stopped'
        ? { command: `aws ec2 start-instances --region ${region} --instance-ids ${instanceId}` }
        : { edit: 'wait until it has come to rest, then start it' };
    return [finding('server-not-running', 'problem', `${instanceId} is ${state}`, fix)];
  }
  if (syncedAddress !== undefined && privateAddress !== undefined) {
    if (syncedAddress !== privateAddress) {
      const what = `${instanceId} is at ${privateAddress}; the SSH config says ${syncedAddress}`;
      const fix = { command: 'devaccess hosts sync' };
      return [finding('server-moved', 'problem', what, fix)];
    }
  }
  const where = privateAddress === undefined ? '' : ` at ${privateAddress}`;
  const runs = state === undefined ? 'is known' : 'runs';
  const system = platformName === undefined ? '' : `, ${platformName}`;
  const found = finding('server', 'ok', `${instanceId} ${runs}${where}${system}`);
  if (!isWindows) return [found];
  const what = 'It runs Windows, which has an SSH server only where somebody installed one';
  return [found, finding('server-windows', 'note', what)];
}

/** Whether Systems Manager has the node that sessions go to. */
export function agentFindings(
  { node, instanceId, region, knowsPingStatus }: InventoryFacts,
  lastPing: Date | undefined,
  nowMs: number,
): Finding[] {
  if (!knowsPingStatus) {
    const what = 'Whether its agent is online is not known: this profile may not ask SSM';
    return [finding('agent-unknown', 'note', what)];
  }
  const status = node?.pingStatus;
  const ago = lastPing === undefined ? '' : `, last heard ${agoText(lastPing, nowMs)}`;
  if (status === 'Online') return [finding('agent', 'ok', `Its agent is online${ago}`)];
  if (status === undefined) {
    const what = `Systems Manager in ${region} does not know ${instanceId}`;
    const edit =
      'install and start amazon-ssm-agent, give the instance a role with AmazonSSMManagedInstanceCore, ' +
      'and let it reach ssm and ssmmessages on port 443';
    return [finding('agent-not-registered', 'problem', what, { edit })];
  }
  const what = `Its agent is ${status === 'ConnectionLost' ? 'not connected' : status}${ago}`;
  const edit =
    'check that the machine runs and reaches ssm and ssmmessages on port 443; on it: ' +
    'systemctl restart amazon-ssm-agent';
  return [finding('agent-offline', 'problem', what, { edit })];
}

function agoText(time: Date, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - time.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}
