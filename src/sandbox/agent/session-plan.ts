import type { SandboxNetwork } from '../network.ts';
import type { SandboxSession } from '../session-registry.ts';
import { PortSession } from './port-session.ts';
import type { SessionPlan } from './session-type.ts';

export interface PlanSettings {
  network: SandboxNetwork;
  instanceId: string;
  pace: 'real' | 'off';
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
    default:
      return {
        ok: false,
        reason: `Document ${session.documentName} is not supported by the sandbox agent`,
      };
  }
}

function planPort(session: SandboxSession, settings: PlanSettings): PlannedSession {
  const portNumber = session.parameters.portNumber?.[0] ?? '22';
  const port = Number(portNumber);
  if (!/^\d{1,5}$/.test(portNumber) || port < 1 || port > 65535) {
    return { ok: false, reason: 'Parameter portNumber is not a port' };
  }
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
