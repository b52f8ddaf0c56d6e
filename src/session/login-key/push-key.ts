import { credentialChain } from '../../aws/credential-chain.ts';
import { createInstanceConnectClient } from '../../aws/instance-connect.ts';
import { serviceError } from '../../aws/service-errors.ts';
import { RunCommandApi } from '../../aws/run-command/run-command-api.ts';
import { runScript } from '../../aws/run-command/run-script.ts';
import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { authorizeScript, REFUSALS } from './authorize-script.ts';

/** How a public key gets to a server. */
export type KeyMethod = 'instance-connect' | 'run-command';

export interface KeyDestination {
  method: KeyMethod;
  /** The server's own id. */
  node: string;
  /** The login name that the key is for. */
  user: string;
  profile: string | undefined;
  region: string;
}

/** How long a key may be used once it is there: what EC2 Instance Connect gives. */
export const KEY_LIFE_MS = 60_000;

/**
 * Lets a public key log in to a server for a minute.
 *
 * @param publicLine `ssh-ed25519 AAAA…`
 * @throws DevaccessError DA_KEY_PUSH, DA_ACCESS_DENIED, DA_TARGET_NOT_CONNECTED and those of the calls
 */
export async function pushKey(
  publicLine: string,
  destination: KeyDestination,
  env: Environment,
  stop: AbortSignal,
): Promise<void> {
  const { method } = destination;
  if (method === 'instance-connect') await pushByInstanceConnect(publicLine, destination, env);
  else await pushByRunCommand(publicLine, destination, env, stop);
}

async function pushByInstanceConnect(
  publicLine: string,
  { node, user, profile, region }: KeyDestination,
  env: Environment,
): Promise<void> {
  const { client, SendSSHPublicKeyCommand } = await createInstanceConnectClient({
    credentials: credentialChain({ profile, env }),
    region,
    profile,
  });
  try {
    const answer = await client.send(
      new SendSSHPublicKeyCommand({
        InstanceId: node,
        InstanceOSUser: user,
        SSHPublicKey: publicLine,
      }),
    );
    if (answer.Success !== true) throw refused(node, 'the service did not take it');
  } catch (error) {
    throw forPerson(error, { node, user, profile });
  } finally {
    client.destroy();
  }
}

/** Errors of SendSSHPublicKey (EC2 Instance Connect API reference, 2018-04-02). */
function forPerson(
  error: unknown,
  { node, user, profile }: Pick<KeyDestination, 'node' | 'user' | 'profile'>,
): unknown {
  if (error instanceof DevaccessError) return error;
  const name = error instanceof Error ? error.name : '';
  const text = error instanceof Error ? printable(error.message) : '';
  switch (name) {
    case 'EC2InstanceNotFoundException':
    case 'EC2InstanceStateInvalidException':
    case 'EC2InstanceUnavailableException':
    case 'EC2InstanceTypeInvalidException':
      return refused(node, text, error);
    case 'AuthException':
    case 'AccessDeniedException':
      return new DevaccessError(
        'DA_ACCESS_DENIED',
        `You may not push a key for ${user} to ${node}: ${text}`,
        {
          next: `ask for ec2-instance-connect:SendSSHPublicKey on it, for ec2:osuser ${user}`,
          cause: error,
        },
      );
    default:
      return serviceError(error, {
        service: 'EC2 Instance Connect',
        operation: 'SendSSHPublicKey',
        profile,
      });
  }
}

async function pushByRunCommand(
  publicLine: string,
  { node, user, profile, region }: KeyDestination,
  env: Environment,
  stop: AbortSignal,
): Promise<void> {
  const api = await RunCommandApi.create({ profile, env }, region);
  const script = authorizeScript(publicLine, user, KEY_LIFE_MS / 1000);
  const outcome = await runScript({ api, target: node, script, stop });
  if (outcome === undefined) throw refused(node, 'it was stopped');
  const { exitCode, stderr, failure } = outcome;
  if (failure !== undefined) throw failure;
  if (exitCode === 0) return;
  const why = REFUSALS[exitCode ?? -1] ?? printable(stderr.trim().split('\n').at(-1) ?? '');
  throw refused(node, why.replaceAll('USER', user));
}

function refused(node: string, why: string, cause?: unknown): DevaccessError {
  return new DevaccessError('DA_KEY_PUSH', `The key could not be given to ${node}: ${why}`, {
    next: 'check that it runs and is the server you mean; hosts sync without --key uses your own keys',
    cause,
  });
}
