import { connect } from 'node:net';
import { DevaccessError } from '../../platform/errors.ts';
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { AGENT, agentMessage, AgentMessageReader, SshStrings } from './agent-messages.ts';
import type { AgentMessage } from './agent-messages.ts';
import { publicLineOf } from './memory-key.ts';

/** What EC2 Instance Connect takes. */
const TYPES = ['ssh-ed25519', 'ssh-rsa'];
const PATIENCE_MS = 5_000;
const MAX_KEYS = 1024;

/**
 * The first key of the person's agent that may be pushed: its public line.
 *
 * @throws DevaccessError DA_SSH_AGENT where there is no agent, or no such key in it
 */
export async function agentPublicLine(env: Environment): Promise<string> {
  const path = envValue(env, 'SSH_AUTH_SOCK');
  if (path === undefined) throw noKey('SSH_AUTH_SOCK is not set');
  const answer = await identities(path).catch((error: unknown) => {
    throw noKey('the agent of SSH_AUTH_SOCK does not answer', error);
  });
  const lines = blobsOf(answer).map(publicLineOf);
  const found = lines.find((line) => TYPES.includes(line.split(' ')[0] ?? ''));
  if (found === undefined) throw noKey('the agent has no Ed25519 and no RSA key');
  return found;
}

function noKey(what: string, cause?: unknown): DevaccessError {
  return new DevaccessError('DA_SSH_AGENT', `There is no key to log in with: ${what}`, {
    next: 'start ssh-agent and add a key (ssh-add), or sync hosts without --key-from agent',
    cause,
  });
}

function identities(path: string): Promise<AgentMessage> {
  return new Promise((resolve, reject) => {
    const reader = new AgentMessageReader();
    const socket = connect(path, () => socket.write(agentMessage(AGENT.requestIdentities)));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer')));
    socket.on('data', (bytes: Buffer) => {
      try {
        const [message] = reader.receive(bytes);
        if (message === undefined) return;
        resolve(message);
        socket.destroy();
      } catch (error) {
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}

function blobsOf({ type, body }: AgentMessage): Buffer[] {
  if (type !== AGENT.identitiesAnswer) return [];
  try {
    const strings = new SshStrings(body);
    const count = Math.min(strings.uint32(), MAX_KEYS);
    return Array.from({ length: count }, () => {
      const blob = strings.next();
      strings.next();
      return blob;
    });
  } catch {
    return [];
  }
}
