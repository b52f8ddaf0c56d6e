import { describe, expect, it } from 'vitest';
import {
  PayloadCipher,
  splitDataKey,
} from '../../../../../src/session/protocol/encryption/data-key.ts';
import { readVector } from '../../../../vectors/read-vector.ts';

const vector = readVector('session-manager/kms-encryption.json') as Record<string, string>;
const hex = (name: string): Buffer => Buffer.from(vector[name]!, 'hex');

describe('payload encryption', () => {
  it('reproduces the recorded bytes in both directions', () => {
    const { agentToClient, clientToAgent } = splitDataKey(hex('dataKeyHex'));
    const plaintext = Buffer.from(vector['plaintext']!);
    expect(clientToAgent.encrypt(plaintext, hex('nonceHex'))).toEqual(hex('clientToAgentHex'));
    expect(agentToClient.encrypt(plaintext, hex('nonceHex'))).toEqual(hex('agentToClientHex'));
    expect(agentToClient.decrypt(hex('agentToClientHex'))).toEqual(plaintext);
  });

  it('refuses a wrong key, a changed byte and a cut message', () => {
    const { agentToClient, clientToAgent } = splitDataKey(hex('dataKeyHex'));
    const sealed = hex('agentToClientHex');
    expect(clientToAgent.decrypt(sealed)).toBeUndefined();
    for (const at of [0, 12, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = changed[at]! ^ 1;
      expect(agentToClient.decrypt(changed)).toBeUndefined();
    }
    expect(agentToClient.decrypt(sealed.subarray(0, 27))).toBeUndefined();
  });

  it('accepts only keys of the right size', () => {
    expect(() => splitDataKey(Buffer.alloc(32))).toThrow(RangeError);
    expect(() => new PayloadCipher(Buffer.alloc(16))).toThrow(RangeError);
  });

  it('erases the key', () => {
    const dataKey = hex('dataKeyHex');
    const { agentToClient, clientToAgent } = splitDataKey(dataKey);
    agentToClient.wipe();
    clientToAgent.wipe();
    expect(dataKey).toEqual(Buffer.alloc(64));
  });
});
