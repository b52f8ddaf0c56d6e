import type { SandboxNetwork } from '../network.ts';
import type { SandboxSession } from '../session-registry.ts';
import { BasicPortSession } from './basic-port-session.ts';
import { MuxSession } from './mux-session.ts';
import { PortSession } from './port-session.ts';
import type { SessionPlan } from './session-type.ts';

export interface PlanSettings {
  network: SandboxNetwork;
  instanceId: string;
  pace: 'real' | 'off';
  agentVersion: string;
}

export type PlannedSession = { ok: true; plan: SessionPlan } | { ok: false; reason: string };

/**
 * What the agent does for a session's document. Documents it does not serve yet are refused with a
 * reason that a person sees; a new session type gets its case here and its own file.
 */
export function planSession(session: SandboxSession, settings: PlanSettings): PlannedSession {
  switch (session.documentName) {
    case 'AWS-StartSSHSession':
      return planPort(session, settings);
    case 'AWS-StartPortForwardingSession':
    case 'AWS-StartPortForwardingSessionToRemoteHost':
      return planForwarding(session, settings);
    default:
      return {
        ok: false,
        reason: `Document ${session.documentName} is not supported by the sandbox agent`,
      };
  }
}

function planPort(session: SandboxSession, settings: PlanSettings): PlannedSession {
  const portNumber = session.parameters.portNumber?.[0] ?? '22';
  const port = portOf(portNumber);
  if (port === undefined) return { ok: false, reason: 'Parameter portNumber is not a port' };
  const { network, instanceId, pace } = settings;
  return {
    ok: true,
    plan: {
      request: { SessionType: 'Port', Properties: { portNumber } },
      start: (channel) =>
        new PortSession(channel, {
          address: network.connect(instanceId, 'localhost', port),
          pace,
        }),
    },
  };
}

function planForwarding(session: SandboxSession, settings: PlanSettings): PlannedSession {
  const { parameters } = session;
  const portNumber = parameters.portNumber?.[0] ?? '80';
  const port = portOf(portNumber);
  if (port === undefined) return { ok: false, reason: 'Parameter portNumber is not a port' };
  const { network, instanceId, pace, agentVersion } = settings;
  const host = parameters.host?.[0];
  return {
    ok: true,
    plan: {
      request: {
        SessionType: 'Port',
        Properties: {
          portNumber,
          localPortNumber: parameters.localPortNumber?.[0] ?? '0',
          type: 'LocalPortForwarding',
          ...(host === undefined ? {} : { host }),
        },
      },
      start: (channel, clientVersion) => {
        const address = network.connect(instanceId, host ?? 'localhost', port);
        const isMultiplexed =
          isNewer(agentVersion, '3.0.196.0') && !isNewer('1.1.70.0', clientVersion);
        if (!isMultiplexed) return new BasicPortSession(channel, { address, pace });
        const keepAlive = !isNewer(clientVersion, '1.2.331.0');
        return new MuxSession(channel, { address, pace, keepAlive });
      },
    },
  };
}

function portOf(text: string): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** Whether a dotted version of four parts is newer than another; false when either is none. */
function isNewer(version: string, than: string): boolean {
  const parts = (text: string): number[] | undefined =>
    /^\d+(\.\d+){3}$/.test(text) ? text.split('.').map(Number) : undefined;
  const [left, right] = [parts(version), parts(than)];
  if (left === undefined || right === undefined) return false;
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}
