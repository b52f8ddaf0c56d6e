import type { KeyObject } from 'node:crypto';
import { openBox, sealBox } from '../../platform/sealed-box.ts';
import type { BoxKeys } from '../../platform/sealed-box.ts';

/** What a payload is bound to: for another node, name or end it cannot be opened. */
export interface PayloadBinding {
  instanceId: string;
  name: string;
}

export interface OpenedPayload {
  /** Answer of a credential_process, as text. */
  text: string;
  /** Milliseconds since the epoch; whole seconds. */
  expirationMs: number;
}

// Payload: version (1 byte, = 1) ‖ end (8, seconds) ‖ box
const VERSION = 1;
const BOX_AT = 9;

/**
 * Seals credentials for one node (6.3 of the facts on nodes).
 *
 * @returns base64url
 */
export function sealPayload(
  text: string,
  expirationMs: number,
  binding: PayloadBinding,
  nodeKey: KeyObject,
): string {
  const header = Buffer.alloc(BOX_AT);
  header.writeUInt8(VERSION, 0);
  header.writeBigUInt64BE(BigInt(Math.floor(expirationMs / 1000)), 1);
  const box = sealBox(text, nodeKey, bound(header, binding));
  return Buffer.concat([header, box]).toString('base64url');
}

/** Opens a payload; undefined when it is not exactly what was sealed for this node and name. */
export function openPayload(
  payload: string,
  binding: PayloadBinding,
  keys: BoxKeys,
): OpenedPayload | undefined {
  const bytes = Buffer.from(payload, 'base64url');
  if (bytes.length < BOX_AT || bytes[0] !== VERSION) return undefined;
  const header = bytes.subarray(0, BOX_AT);
  const text = openBox(bytes.subarray(BOX_AT), keys, bound(header, binding));
  if (text === undefined) return undefined;
  return { text, expirationMs: Number(header.readBigUInt64BE(1)) * 1000 };
}

function bound(header: Buffer, { instanceId, name }: PayloadBinding): Buffer {
  return Buffer.concat([header, Buffer.from(`devaccess credentials\n${instanceId}\n${name}\n`)]);
}
