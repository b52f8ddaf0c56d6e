import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint, sortedKeys } from '../../../../src/hosts/host-keys/host-key.ts';
import type { HostKey } from '../../../../src/hosts/host-keys/host-key.ts';
import type { KnownHosts, ToldBy } from '../../../../src/hosts/host-keys/known-hosts-file.ts';
import { mergeKeys } from '../../../../src/hosts/host-keys/merge-keys.ts';
import { ed25519 } from './keys.ts';

const ID = 'i-0123456789abcdef0';
const NODE: ToldBy = { kind: 'node' };
const BASTION: ToldBy = {
  kind: 'bastion',
  bastion: 'i-0fedcba9876543210',
  address: '10.0.0.1',
  port: 22,
};
const [A, B, C] = [ed25519(1), ed25519(2), ed25519(3)];

function known(keys: HostKey[], toldBy = NODE, refused: string[] = []): KnownHosts {
  return new Map([[ID, { keys: sortedKeys(keys), toldBy, refused }]]);
}

function tell(present: KnownHosts, keys: HostKey[], toldBy = NODE, accepts = false) {
  const { hosts, merged } = mergeKeys(present, [{ instanceId: ID, keys, toldBy }], () => accepts);
  return { hosts, host: hosts.get(ID), change: merged[0]?.change };
}

describe('keys that are told of', () => {
  it('are taken for a host that is not known', () => {
    const { host, change } = tell(new Map(), [B, A]);
    expect(change).toBe('added');
    expect(host).toEqual({ keys: sortedKeys([A, B]), toldBy: NODE, refused: [] });
  });

  it('are not taken in the place of known ones, nor beside them, and remembered as shown', () => {
    for (const keys of [[B], [A, B]]) {
      const { host, change } = tell(known([A]), keys);
      expect(change).toBe('changed');
      expect(host).toEqual({
        keys: [A],
        toldBy: NODE,
        refused: sortedKeys(keys).map(fingerprint),
      });
    }
  });

  it('are accepted only when they are the ones that were shown', () => {
    expect(tell(known([A]), [B], NODE, true).change).toBe('changed');
    const shown = tell(known([A]), [B]).hosts;
    expect(tell(shown, [C], NODE, true)).toMatchObject({
      change: 'changed',
      host: { keys: [A], refused: [fingerprint(C)] },
    });
    expect(tell(shown, [B], NODE, false).change).toBe('changed');
    expect(tell(shown, [B], NODE, true)).toMatchObject({
      change: 'accepted',
      host: { keys: [B], refused: [] },
    });
  });

  it('are forgotten where the node has them no more, not where it merely did not answer', () => {
    expect(tell(known([A, B]), [A])).toMatchObject({ change: 'updated', host: { keys: [A] } });
    const scanned = tell(known([A, B], BASTION), [A], BASTION);
    expect(scanned).toMatchObject({ change: 'unchanged', host: { keys: sortedKeys([A, B]) } });
  });

  it('make what was shown obsolete when they are the known ones again', () => {
    const shown = known([A], NODE, [fingerprint(B)]);
    expect(tell(shown, [A])).toMatchObject({ change: 'unchanged', host: { refused: [] } });
  });

  it('keep the better word', () => {
    expect(tell(known([A], BASTION), [A], NODE).host?.toldBy).toEqual(NODE);
    expect(tell(known([A], NODE), [A], BASTION).host?.toldBy).toEqual(NODE);
  });

  it('never add a key to a known host unless it was shown before and accepted', () => {
    const keys = fc.uniqueArray(fc.constantFrom(1, 2, 3, 4), { minLength: 1 });
    const step = fc.record({ keys, isNode: fc.boolean(), accepts: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let hosts: KnownHosts = new Map();
        let shown = '';
        for (const { keys: numbers, isNode, accepts } of steps) {
          const told = sortedKeys(numbers.map(ed25519));
          const before = hosts.get(ID)?.keys;
          const after = tell(hosts, told, isNode ? NODE : BASTION, accepts);
          hosts = after.hosts;
          const isNew = ({ base64 }: HostKey): boolean =>
            !before?.some((key) => key.base64 === base64);
          const news = (after.host?.keys ?? []).filter(isNew);
          if (before !== undefined && news.length > 0) {
            expect(accepts).toBe(true);
            expect(shown).toBe(told.map(fingerprint).join());
          }
          // A host never has a key that nobody told of.
          const all = [...told, ...(before ?? [])].map(({ base64 }) => base64);
          for (const { base64 } of after.host?.keys ?? []) expect(all).toContain(base64);
          shown = after.change === 'changed' ? told.map(fingerprint).join() : '';
        }
      }),
    );
  });
});
