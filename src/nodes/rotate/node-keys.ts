import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { makePrivateFolder } from '../../platform/private-folder.ts';
import { readBounded } from '../../platform/read-bounded.ts';
import { editFile } from '../../platform/safe-file.ts';
import { boxKeyText, newBoxKeys, readBoxKey } from '../../platform/sealed-box.ts';
import { readTrustedFile } from '../../platform/trusted-file.ts';
import { isNodeId } from '../node-list.ts';

/** Where a node keeps its key. */
export const NODE_KEY_FILE = '/var/lib/devaccess/node-key.json';

/** What opens payloads that are sealed for a node. */
export interface NodeKey {
  instanceId: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const MAX_KEY_BYTES = 4_096;
const MAX_LIST_BYTES = 4 * 1_048_576;
const KIND = 'x25519:';

/**
 * The key of this node, made where there is none; one that is there is never replaced.
 *
 * @throws DevaccessError DA_NODE_KEY where it is of another node, or damaged; those of `editFile`
 */
export async function initNodeKey(path: string, instanceId: string): Promise<NodeKey> {
  makePrivateFolder(dirname(path));
  await editFile(path, (present) => {
    if (present !== '') return present;
    const { privateKey } = newBoxKeys();
    const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
    return `${JSON.stringify({ version: 1, instanceId, privateKey: der })}\n`;
  });
  const key = readNodeKey(path);
  if (key.instanceId === instanceId) return key;
  throw broken(
    `${path} is the key of ${key.instanceId}, not of ${instanceId}`,
    'remove it, if this machine was registered anew',
  );
}

/** @throws DevaccessError DA_NODE_KEY, and those of `readTrustedFile` */
export function readNodeKey(path: string): NodeKey {
  const file = readTrustedFile(path, { maxBytes: MAX_KEY_BYTES });
  if (file === undefined) throw broken(`There is no ${path}`, 'run devaccess nodes init');
  if ((file.stats.mode & 0o077) !== 0 && process.geteuid !== undefined) {
    throw broken(`${path} can be read by others`, `chmod 600 '${path}', or make another key`);
  }
  try {
    const { version, instanceId, privateKey } = JSON.parse(file.text) as Record<string, unknown>;
    const key = createPrivateKey({
      key: Buffer.from(String(privateKey), 'base64'),
      format: 'der',
      type: 'pkcs8',
    });
    const isWhole = version === 1 && typeof instanceId === 'string' && isNodeId(instanceId);
    if (isWhole && key.asymmetricKeyType === 'x25519') {
      return { instanceId, privateKey: key, publicKey: createPublicKey(key) };
    }
  } catch {
    // Said below.
  }
  throw broken(
    `${path} is damaged`,
    'put it back from a backup, or remove it and run devaccess nodes init',
  );
}

/** `mi-… x25519:…`, as the controller's list has it. */
export function nodeKeyLine({ instanceId, publicKey }: NodeKey): string {
  return `${instanceId} ${KIND}${boxKeyText(publicKey)}`;
}

/**
 * The keys of nodes that the controller trusts, from a file of lines as `nodes init` prints them.
 *
 * @throws DevaccessError DA_USAGE for a line of another form, or a node with two keys
 */
export function readTrustedKeys(path: string): Map<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  const lines = readBounded(path, MAX_LIST_BYTES).text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, id = '', text = ''] =
      /^\s*(mi-[0-9a-f]{17})\s+x25519:([\w-]{43})\s*$/.exec(line) ?? [];
    const key = readBoxKey(text);
    const known = keys.get(id);
    if (key === undefined || (known !== undefined && boxKeyText(known) !== text)) {
      const why = key === undefined ? 'is no key of a node' : `is another key of ${id}`;
      throw new DevaccessError('DA_USAGE', `Line ${index + 1} of ${printable(path)} ${why}`, {
        next: 'have lines as devaccess nodes init prints them, one for each node',
        exitCode: EXIT.usage,
      });
    }
    keys.set(id, key);
  }
  return keys;
}

function broken(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_NODE_KEY', message, { next });
}
