import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PayloadCipher } from '../../../src/sandbox/agent/payload-cipher.ts';

const vector = JSON.parse(
  readFileSync(
    new URL('../../vectors/session-manager/kms-encryption.json', import.meta.url),
    'utf8',
  ),
) as Record<
  'agentToClientHex' | 'clientToAgentHex' | 'dataKeyHex' | 'nonceHex' | 'plaintext',
  string
>;

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe("the agent's payload cipher", () => {
  const cipher = new PayloadCipher(hex(vector.dataKeyHex));

  it('writes and reads the recorded bytes', () => {
    const wire = cipher.encrypt(Buffer.from(vector.plaintext), hex(vector.nonceHex));
    expect(wire.toString('hex')).toBe(vector.agentToClientHex);
    expect(cipher.decrypt(hex(vector.clientToAgentHex))?.toString()).toBe(vector.plaintext);
  });

  it('never uses a nonce twice', () => {
    const wires = [1, 2].map(() => cipher.encrypt(Buffer.from('same')).toString('hex'));
    expect(wires[0]).not.toBe(wires[1]);
  });

  it('refuses what was not encrypted by the client', () => {
    expect(cipher.decrypt(hex(vector.agentToClientHex))).toBeUndefined();
    expect(cipher.decrypt(Buffer.alloc(27))).toBeUndefined();
    const changed = hex(vector.clientToAgentHex);
    changed[20] = changed[20]! ^ 1;
    expect(cipher.decrypt(changed)).toBeUndefined();
  });
});
