import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprint, sortedKeys } from '../../src/hosts/host-keys/host-key.ts';
import { parseKnownHosts, renderKnownHosts } from '../../src/hosts/host-keys/known-hosts-file.ts';
import type { KnownHost, KnownHosts, ToldBy } from '../../src/hosts/host-keys/known-hosts-file.ts';
import { withoutHosts } from '../../src/hosts/host-keys/merge-keys.ts';
import { withTrustedKeys } from '../../src/hosts/host-keys/trusted-entries.ts';
import { DevaccessError } from '../../src/platform/errors.ts';
import { anyText, ecdsa, ed25519, rsa } from '../unit/hosts/host-keys/keys.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-known-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KEYS = [ed25519(1), ed25519(2), ecdsa(), ecdsa('nistp521'), rsa(2048)];

const id = fc.oneof(
  fc.stringMatching(/^i-[0-9a-f]{17}$/),
  fc.stringMatching(/^i-[0-9a-f]{8}$/),
  fc.stringMatching(/^mi-[0-9a-f]{17}$/),
);
const toldBy: fc.Arbitrary<ToldBy> = fc.oneof(
  fc.constant({ kind: 'node' as const }),
  fc.record({
    kind: fc.constant('bastion' as const),
    bastion: id,
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.integer({ min: 1, max: 65_535 }),
  }),
);
const knownHost: fc.Arbitrary<KnownHost> = fc.record({
  keys: fc.subarray(KEYS, { minLength: 1 }).map(sortedKeys),
  toldBy,
  refused: fc.subarray(KEYS).map((keys) => keys.map(fingerprint)),
});
const hosts: fc.Arbitrary<KnownHosts> = fc
  .uniqueArray(fc.tuple(id, knownHost), { selector: ([each]) => each, maxLength: 6 })
  .map((entries) => new Map(entries));

function entriesOf(known: KnownHosts): [string, KnownHost][] {
  return [...known].sort(([left], [right]) => (left < right ? -1 : 1));
}

describe('the known_hosts file', () => {
  it('reads as it was written, whatever the order, and is written the same again', () => {
    fc.assert(
      fc.property(hosts, (known) => {
        const text = renderKnownHosts(known);
        const read = parseKnownHosts(text, 'file');
        expect(entriesOf(read)).toEqual(entriesOf(known));
        expect(renderKnownHosts(read)).toBe(text);
        expect(renderKnownHosts(new Map([...known].reverse()))).toBe(text);
        expect(parseKnownHosts(text.replaceAll('\n', '\r\n'), 'file')).toEqual(read);
      }),
    );
  });

  it('is to OpenSSH exactly those keys of those hosts', () => {
    fc.assert(
      fc.property(hosts, (known) => {
        if (known.size === 0) return;
        const path = join(folder, 'known');
        writeFileSync(path, renderKnownHosts(known));
        const { stdout, stderr } = spawnSync('ssh-keygen', ['-l', '-f', path], {
          encoding: 'utf8',
        });
        expect(stderr).toBe('');
        const shown = stdout
          .trim()
          .split('\n')
          .map((line) => line.split(' ').slice(1, 3).join(' '));
        const expected = entriesOf(known).flatMap(([host, { keys }]) =>
          keys.map((key) => `${fingerprint(key)} ${host}`),
        );
        expect(shown).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('loses the hosts that are gone, and not a byte of the others', () => {
    fc.assert(
      fc.property(hosts, fc.func(fc.boolean()), (known, isGone) => {
        const text = renderKnownHosts(known);
        const rest = parseKnownHosts(renderKnownHosts(withoutHosts(known, isGone)), 'file');
        expect([...rest.keys()].sort()).toEqual(
          [...known.keys()].filter((each) => !isGone(each)).sort(),
        );
        for (const line of renderKnownHosts(rest).split('\n')) expect(text).toContain(line);
      }),
    );
  });

  it('is refused where it is not as it was written, and never half read', () => {
    const damage = fc.tuple(
      fc.nat(),
      fc.oneof(anyText, fc.constantFrom('\n', ' ', '#', '*', ',', '@revoked ')),
    );
    fc.assert(
      fc.property(hosts, damage, (known, [at, what]) => {
        const text = renderKnownHosts(known);
        const place = at % (text.length + 1);
        const damaged = text.slice(0, place) + what + text.slice(place);
        let read: KnownHosts;
        try {
          read = parseKnownHosts(damaged, 'file');
        } catch (error) {
          if (!(error instanceof DevaccessError)) throw error;
          return;
        }
        // What is read then is what was written, but for a comment.
        const keysOf = (each: KnownHosts) =>
          entriesOf(each).map(([host, { keys }]) => [host, keys]);
        expect(keysOf(read)).toEqual(keysOf(known));
      }),
      { numRuns: 100 },
    );
  });
});

describe('entries of hosts with trusted keys', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
  const entry = fc.record({ name, id, user: fc.option(name), eol: fc.constantFrom('\n', '\n\n') });
  const file = fc
    .uniqueArray(entry, { selector: (each) => each.id, maxLength: 5 })
    .map((entries) => ({
      ids: entries.map((each) => each.id),
      text: [
        '# Generated by devaccess\n# devaccess-hosts 1\n',
        ...entries.map(
          (each) =>
            `Host ${each.name} ${each.id}\n    HostName ${each.id}\n` +
            (each.user === null ? '' : `    User ${each.user}\n`),
        ),
      ].join('\n'),
    }));
  const place = { sshDirectory: '/home/me/.ssh', loginHome: '/home/me' };
  const path = '/home/me/.ssh/config.d/devaccess-p-eu-west-1.conf';

  it('become strict, once, and are as they were when the keys are gone', () => {
    fc.assert(
      fc.property(file, fc.func(fc.boolean()), ({ text, ids }, isTrusted) => {
        const strict = withTrustedKeys(text, isTrusted, path, place);
        expect(withTrustedKeys(strict, isTrusted, path, place)).toBe(strict);
        expect(withTrustedKeys(strict, () => false, path, place)).toBe(text);
        const count = strict.match(/^ {4}StrictHostKeyChecking yes$/gm)?.length ?? 0;
        expect(count).toBe(ids.filter((each) => isTrusted(each)).length);
      }),
    );
  });

  it('say so to ssh, in whatever folder', () => {
    const text =
      'Host web i-01234567\n    HostName 10.0.0.1\n\nHost db i-89abcdef\n    HostName 10.0.0.2\n';
    // It shows what it makes of `~`.
    const login = userInfo().homedir;
    const odd = { sshDirectory: '/home/o dd/.ssh', loginHome: '/home/me' };
    const places = [
      {
        place,
        files: `${login}/.ssh/known_hosts.d/devaccess-p-eu-west-1 ${login}/.ssh/known_hosts`,
      },
      {
        place: odd,
        files: '/home/o dd/.ssh/known_hosts.d/devaccess-p-eu-west-1 /home/o dd/.ssh/known_hosts',
      },
    ];
    for (const { place: where, files } of places) {
      const config = join(folder, 'config');
      writeFileSync(
        config,
        withTrustedKeys(text, (each) => each === 'i-01234567', path, where),
      );
      const web = spawnSync('ssh', ['-G', '-F', config, 'web'], { encoding: 'utf8' }).stdout;
      expect(web).toContain('stricthostkeychecking true\n');
      expect(web).toContain('updatehostkeys false\n');
      expect(web).toContain(`userknownhostsfile ${files}\n`);
      const db = spawnSync('ssh', ['-G', '-F', config, 'db'], { encoding: 'utf8' }).stdout;
      expect(db).toContain('stricthostkeychecking ask\n');
    }
    const strange = { sshDirectory: '/home/50%/.ssh', loginHome: '/home/me' };
    expect(() => withTrustedKeys(text, () => true, path, strange)).toThrow('cannot be written');
  });
});
