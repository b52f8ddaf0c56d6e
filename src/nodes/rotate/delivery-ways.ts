import type { KeyObject } from 'node:crypto';
import { assumeRole } from '../../aws/assume-role.ts';
import type { Credentials } from '../../aws/client-settings.ts';
import { processAnswer } from '../../aws/process-answer.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { doneOrStopped } from '../../platform/stop-request.ts';
import type { NodeApi } from '../node-api.ts';
import { MAX_PAYLOAD_CHARACTERS } from './command-document.ts';
import type { DeliveryWay, Prepared } from './rotate-credentials.ts';
import { sealPayload } from './sealed-payload.ts';

/** The role that nodes are to have, each in a session of its own. */
export interface NodeRole {
  credentials: Credentials;
  profile: string | undefined;
  /** Who asks, for the texts of errors. */
  caller: string;
  region: string;
  arn: string;
  externalId: string | undefined;
  durationSeconds: number;
  now: () => number;
}

interface ParameterOptions {
  /** KMS key; undefined: the account's own for parameters, which all of its readers may use. */
  keyId: string | undefined;
  /** Leaves them there, for nodes that fetch on a schedule. */
  isKept: boolean;
  /** Told of parameters that could not be removed. */
  onLeft: (names: readonly string[]) => void;
}

interface NodeCredentials {
  text: string;
  expirationMs: number;
  receipt: string;
}

const NODES_OF_COMMAND = 50;
const ADVANCED_BYTES = 8_192;
const DELETED_AT_ONCE = 10;
/** Once it is stopped. */
const DELETE_PATIENCE_MS = 5_000;

/** Where the credentials of a node are: it may read what is below its own id. */
export function parameterName(instanceId: string, name: string): string {
  return `/devaccess/creds/${instanceId}/${name}`;
}

/**
 * Design (b): a SecureString in the Parameter Store for each node, which the node fetches itself. They
 * are removed when the command has ended.
 */
export function parameterWay(
  api: NodeApi,
  role: NodeRole,
  name: string,
  { keyId, isKept, onLeft }: ParameterOptions,
): DeliveryWay {
  const put = new Set<string>();
  return {
    batch: NODES_OF_COMMAND,
    prepare: async ({ instanceId }) => {
      const { text, expirationMs, receipt } = await nodeCredentials(role, instanceId);
      const size = Buffer.byteLength(text);
      if (size > ADVANCED_BYTES) throw tooLarge(instanceId, size, ADVANCED_BYTES);
      const { PutParameterCommand } = await import('../ssm-commands.ts');
      const parameter = parameterName(instanceId, name);
      // Before it is asked for: an answer that got lost leaves a parameter, too.
      put.add(parameter);
      await api.call('PutParameter', (client) =>
        client.send(
          new PutParameterCommand({
            Name: parameter,
            Value: text,
            Type: 'SecureString',
            Overwrite: true,
            // Advanced only where it has to be: one that is there already cannot become standard again.
            Tier: 'Intelligent-Tiering',
            ...(keyId === undefined ? {} : { KeyId: keyId }),
          }),
        ),
      );
      return { expirationMs, receipt, parameters: {} };
    },
    clear: async (ids, stop) => {
      if (isKept) return;
      const names = ids.map((id) => parameterName(id, name)).filter((each) => put.has(each));
      const left = await deleteParameters(api, names, stop);
      if (left.length > 0) onLeft(left);
    },
  };
}

/** Design (c): encrypted to the key of each node, in the command itself. */
export function sealedWay(
  role: NodeRole,
  name: string,
  keys: ReadonlyMap<string, KeyObject>,
): DeliveryWay {
  return {
    batch: 1,
    prepare: async ({ instanceId }): Promise<Prepared> => {
      const key = keys.get(instanceId);
      if (key === undefined) {
        throw new DevaccessError('DA_NODE_KEY', `No key of ${instanceId} is in the list`, {
          next: 'run devaccess nodes init on the node, and add the line that it prints to --keys',
        });
      }
      const { text, expirationMs, receipt } = await nodeCredentials(role, instanceId);
      const payload = sealPayload(text, expirationMs, { instanceId, name }, key);
      if (payload.length > MAX_PAYLOAD_CHARACTERS) {
        throw tooLarge(instanceId, payload.length, MAX_PAYLOAD_CHARACTERS);
      }
      return { expirationMs, receipt, parameters: { Payload: payload } };
    },
    clear: () => Promise.resolve(),
  };
}

async function nodeCredentials(role: NodeRole, instanceId: string): Promise<NodeCredentials> {
  const { credentials, region, profile, arn: roleArn, externalId, durationSeconds, caller } = role;
  const session = await assumeRole(
    { credentials, region, profile, isPatient: true },
    { roleArn, sessionName: instanceId, durationSeconds, externalId, caller, nowMs: role.now() },
  );
  const answer = processAnswer({ ...session, accountId: roleArn.split(':')[4] }, roleArn);
  const end = answer.Expiration ?? '';
  return {
    text: JSON.stringify(answer),
    expirationMs: Date.parse(end),
    receipt: `ok ${answer.AccessKeyId.slice(-4)} ${end}`,
  };
}

/** What stays behind ends by itself, and is written over by the next rotation. */
async function deleteParameters(
  api: NodeApi,
  names: readonly string[],
  stop: AbortSignal,
): Promise<string[]> {
  const left: string[] = [];
  const { DeleteParametersCommand } = await import('../ssm-commands.ts');
  for (let at = 0; at < names.length; at += DELETED_AT_ONCE) {
    const Names = names.slice(at, at + DELETED_AT_ONCE);
    const deleting = api
      .call('DeleteParameters', (client) => client.send(new DeleteParametersCommand({ Names })))
      .then(
        () => true,
        () => false,
      );
    const isDone = await doneOrStopped(deleting, stop, DELETE_PATIENCE_MS);
    // Nobody answers, and somebody waits.
    if (isDone === undefined) return [...left, ...names.slice(at)];
    if (!isDone) left.push(...Names);
  }
  return left;
}

function tooLarge(instanceId: string, size: number, limit: number): DevaccessError {
  return new DevaccessError(
    'DA_PAYLOAD_TOO_LARGE',
    `The credentials of ${instanceId} are too large to be sent: ${size}, and ${limit} are the most`,
    { next: 'fewer session tags and policies make tokens shorter; or --via parameter' },
  );
}
