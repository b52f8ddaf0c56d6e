import { describe, expect, it } from 'vitest';
import { seedAccount } from '../../../../src/sandbox/seed.ts';
import { KmsVault } from '../../../../src/sandbox/services/kms-vault.ts';

const { kmsKeys } = seedAccount({ nowMs: 0 });
const key = kmsKeys[0]!;
const context = new Map([
  ['aws:ssm:SessionId', 'alice-1'],
  ['aws:ssm:TargetId', 'i-1'],
]);

describe('the KMS vault', () => {
  it('opens what it sealed, whatever the order of the context', () => {
    const vault = new KmsVault(kmsKeys);
    const sealed = vault.encrypt(key, Buffer.from('secret'), context);
    const reordered = new Map([...context].reverse());
    expect(vault.decrypt(sealed, reordered)).toEqual({ key, plaintext: Buffer.from('secret') });
    expect(sealed.includes('secret')).toBe(false);
  });

  it('binds the context: one more, one less or another value opens nothing', () => {
    const vault = new KmsVault(kmsKeys);
    const sealed = vault.encrypt(key, Buffer.from('secret'), context);
    for (const other of [
      new Map(),
      new Map([...context, ['more', '1']]),
      new Map([...context, ['aws:ssm:TargetId', 'i-2']]),
    ]) {
      expect(vault.decrypt(sealed, other)).toBeUndefined();
    }
  });

  it('notices any changed or missing byte', () => {
    const vault = new KmsVault(kmsKeys);
    const sealed = vault.encrypt(key, Buffer.from('secret'), context);
    for (let at = 0; at < sealed.length; at += 1) {
      const spoiled = Buffer.from(sealed);
      spoiled[at]! ^= 1;
      expect(vault.decrypt(spoiled, context)).toBeUndefined();
      expect(vault.decrypt(sealed.subarray(0, at), context)).toBeUndefined();
    }
  });

  it('has key material of its own', () => {
    const sealed = new KmsVault(kmsKeys).encrypt(key, Buffer.from('secret'), context);
    expect(new KmsVault(kmsKeys).decrypt(sealed, context)).toBeUndefined();
  });
});
