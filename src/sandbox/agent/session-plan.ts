import type { SandboxNetwork } from '../network.ts';
import type { CommandProperties, SandboxSession } from '../session-registry.ts';
import type { AgentNode } from './agent-node.ts';
import { BasicPortSession } from './basic-port-session.ts';
import { CommandSession } from './command-session.ts';
import { MuxSession } from './mux-session.ts';
import { PortSession } from './port-session.ts';
import type { SessionPlan } from './session-type.ts';
import { ShellSession } from './shell-session.ts';

export interface PlanSettings {
  network: SandboxNetwork;
  instanceId: string;
  pace: 'real' | 'off';
  agentVersion: string;
  node: AgentNode;
}

/** Services for the instance alone, as the real agent's default settings list them. */
const FORBIDDEN_HOSTS = [
  '169.254.169.254',
  'fd00:ec2::254',
  '169.254.169.253',
  'fd00:ec2::253',
  '169.254.169.123',
  'fd00:ec2::123',
  '169.254.169.250',
  '169.254.169.251',
  'fd00:ec2::240',
];

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
    case 'AWS-StartPortForwardingSessionToSocket':
      return planForwarding(session, settings);
    default:
      return planOther(session, settings);
  }
}

/** Documents of any name, by their session type. */
function planOther(session: SandboxSession, settings: PlanSettings): PlannedSession {
  const { sessionType = '', linux } = session.document ?? {};
  switch (sessionType) {
    case 'Standard_Stream':
      return planShell(sessionType, undefined, settings);
    case 'InteractiveCommands':
      return linux === undefined
        ? withoutCommand(sessionType)
        : planShell(sessionType, linux.commands, settings);
    case 'NonInteractiveCommands':
      return linux === undefined ? withoutCommand(sessionType) : planCommand(linux, settings);
    default:
      return {
        ok: false,
        reason: `Document ${session.documentName} is not supported by the sandbox agent`,
      };
  }
}

/** Shells and interactive commands need no handshake, so that what they say comes first. */
function planShell(
  sessionType: string,
  command: string | undefined,
  { node, pace }: PlanSettings,
): PlannedSession {
  if (command?.trim() === '') return withoutCommand(sessionType);
  return {
    ok: true,
    plan: {
      request: { SessionType: sessionType, Properties: null },
      isHandshakeOptional: true,
      start: (channel) => new ShellSession(channel, { command, node, pace }),
    },
  };
}

function planCommand(
  properties: CommandProperties,
  { node, pace, agentVersion }: PlanSettings,
): PlannedSession {
  const sessionType = 'NonInteractiveCommands';
  const { commands, separateOutputStream, stdOutSeparatorPrefix, stdErrSeparatorPrefix } =
    properties;
  if (!isNewer(agentVersion, '3.0.1123.0')) {
    const reason = `Plugin with name ${sessionType} not found. Step name: ${sessionType}`;
    return { ok: false, reason };
  }
  if (commands.trim() === '') return withoutCommand(sessionType);
  const separateStreams =
    separateOutputStream.toLowerCase() === 'true' && isNewer(agentVersion, '3.1.1510.0');
  return {
    ok: true,
    plan: {
      request: { SessionType: sessionType, Properties: null },
      customerMessage: (clientVersion) =>
        separateStreams && !isNewer(clientVersion, '1.2.295.0') ? UPDATE_FOR_STREAMS : '',
      start: (channel) =>
        new CommandSession(channel, {
          commandLine: commands,
          prefixes: separateStreams
            ? { stdout: stdOutSeparatorPrefix ?? '', stderr: stdErrSeparatorPrefix ?? '' }
            : undefined,
          node,
          pace,
        }),
    },
  };
}

const UPDATE_FOR_STREAMS =
  'Please update session manager plugin version (minimum required version 1.2.312.0) ' +
  'for fully support of separate StdOut/StdErr output.\r\n';

function withoutCommand(sessionType: string): PlannedSession {
  return { ok: false, reason: `Commands cannot be empty for session type ${sessionType}` };
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
  const socket = parameters.localUnixSocket?.[0];
  return {
    ok: true,
    plan: {
      request: {
        SessionType: 'Port',
        Properties: {
          portNumber,
          type: 'LocalPortForwarding',
          ...(socket === undefined
            ? { localPortNumber: parameters.localPortNumber?.[0] ?? '0' }
            : { localConnectionType: 'unix', localUnixSocket: socket }),
          ...(host === undefined ? {} : { host }),
        },
      },
      start: (channel, clientVersion) => {
        if (host !== undefined && FORBIDDEN_HOSTS.includes(host)) {
          channel.terminate(`Forwarding to IP address ${host} is forbidden.`);
        }
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
