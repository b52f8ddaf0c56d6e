import { DevaccessError, EXIT } from '../../platform/errors.ts';
import {
  checkConsumerName,
  parsePublished,
  readPublished,
} from '../bridge/published-credentials.ts';
import { publish } from '../bridge/publish.ts';
import { readNodeKey } from './node-keys.ts';
import { openPayload } from './sealed-payload.ts';

export interface ReceiveRequest {
  name: string;
  folder: string;
  gid: number | undefined;
  keyFile: string;
  /** As the controller sealed it. */
  payload: string;
  /** What the agent says that this node is; undefined where it does not. */
  instanceId: string | undefined;
}

/**
 * Opens credentials that were sealed for this node, and publishes them. Nothing older than what is
 * there is taken, so that a payload is good for once.
 *
 * @returns what the controller waits for: the end of the key's id, and the end of the credentials
 * @throws DevaccessError DA_PAYLOAD_REFUSED, DA_NODE_KEY and those of `publish`
 */
export async function receive(request: ReceiveRequest, nowMs: number): Promise<string> {
  const { folder, gid, keyFile, payload, instanceId } = request;
  const name = checkConsumerName(request.name);
  const key = readNodeKey(keyFile);
  if (instanceId !== undefined && instanceId !== key.instanceId) {
    throw refused(`the key here is of ${key.instanceId}, and this is ${instanceId}`);
  }
  const opened = openPayload(payload, { instanceId: key.instanceId, name }, key);
  if (opened === undefined) throw refused('it was not sealed for this node and this name');
  const content = parsePublished(opened.text, nowMs);
  if (content?.expirationMs !== opened.expirationMs) throw refused('it holds no credentials');
  const { answer, expirationMs } = content;
  if (expirationMs <= nowMs) throw refused(`it ended at ${answer.Expiration ?? ''}`);
  refuseOlder(folder, name, expirationMs, nowMs);
  await publish({
    folder,
    name,
    gid,
    credentials: {
      accessKeyId: answer.AccessKeyId,
      secretAccessKey: answer.SecretAccessKey,
      sessionToken: answer.SessionToken ?? '',
      expirationMs,
      accountId: answer.AccountId,
    },
    replaces: false,
    nowMs,
  });
  return `ok ${answer.AccessKeyId.slice(-4)} ${answer.Expiration ?? ''}`;
}

function refuseOlder(folder: string, name: string, expirationMs: number, nowMs: number): void {
  let presentMs = 0;
  try {
    presentMs = readPublished(folder, name, nowMs).expirationMs;
  } catch {
    // There is nothing that could be younger; what is wrong with it `publish` tells.
  }
  if (expirationMs > presentMs) return;
  throw refused('what is published is as young, or younger');
}

function refused(why: string): DevaccessError {
  return new DevaccessError('DA_PAYLOAD_REFUSED', `The payload is refused: ${why}`, {
    next: 'send another one: devaccess nodes rotate',
    exitCode: EXIT.failed,
  });
}
