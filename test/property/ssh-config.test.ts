import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InventoryNode } from '../../src/hosts/host.ts';
import { planHosts } from '../../src/hosts/plan.ts';
import { proxyCommands } from '../../src/hosts/proxy-command.ts';
import { hostBlocks, renderHostsFile } from '../../src/hosts/ssh-config-file.ts';
import { foreignHostNames } from '../../src/hosts/ssh-files.ts';
import { reachHost, readSyncedHosts } from '../../src/hosts/synced-hosts.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devaccess-ssh-'));
  mkdirSync(join(folder, '.ssh', 'config.d'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a person with the right to set tags could try, in any mixture. */
const piece = fc.constantFrom(
  'web',
  'Web',
  ' ',
  '\n',
  '\r',
  '\t',
  '\0',
  '"',
  "'",
  '\\',
  '#',
  '%h',
  '%%',
  '*',
  '?',
  '!',
  '=',
  ',',
  '$(id)',
  '`id`',
  '-oProxyCommand=id',
  '\n    ProxyCommand id\n',
  '\nHost *\n  PermitLocalCommand yes\n  LocalCommand id\n',
  '\u2028Match all\u2028',
  'é',
  '\u202e',
  'i-0123456789abcdef0',
  '[::1]',
);
const tagText = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const node = fc.record({
  instanceId: fc.stringMatching(/^i-[0-9a-f]{17}$/),
  name: fc.option(tagText, { nil: undefined }),
  user: tagText,
  port: fc.oneof(tagText, fc.constantFrom('2222', '22')),
  // ssh -G shows an IPv6 address in its short form, whatever the file says.
  address: fc.oneof(fc.ipV4(), fc.constantFrom('fd00::1', '2001:db8::2')),
  platformName: fc.oneof(tagText, fc.constantFrom('Ubuntu', 'Amazon Linux')),
  isJump: fc.boolean(),
});

const commands = proxyCommands(
  { node: '/usr/bin/node', script: '/opt/dev access/devaccess-proxy.js' },
  { profile: 'default', region: 'eu-west-1' },
);

describe('the generated SSH config', () => {
  it('means to ssh what it was made from, whatever tags say', () => {
    const nodes = fc.uniqueArray(node, {
      selector: ({ instanceId }) => instanceId,
      minLength: 2,
      maxLength: 7,
    });
    fc.assert(
      fc.property(nodes, fc.constantFrom('jump', 'remote-host'), (list, route) => {
        const inventory = list.map(
          ({ instanceId, name, user, port, address, platformName, isJump }): InventoryNode => ({
            instanceId,
            name,
            tags: new Map([
              ['ssh-user', user],
              ['ssh-port', port],
            ]),
            state: 'running',
            vpcId: isJump ? 'vpc-1' : 'vpc-2',
            privateAddress: address,
            platformName,
            isWindows: false,
            pingStatus: 'Online',
            isHybrid: false,
          }),
        );
        const bastion = { ...inventory[0]!, vpcId: 'vpc-1' };
        const plan = planHosts([bastion, ...inventory.slice(1)], bastion, {
          route,
          user: undefined,
          reserved: new Set(),
        });
        const file = {
          command: 'devaccess hosts sync',
          bastion: { alias: plan.bastionAlias, instanceId: bastion.instanceId },
          proxyCommands: commands,
        };
        const text = renderHostsFile(file, plan.entries);
        const path = join(folder, '.ssh', 'config.d', 'devaccess-default-eu-west-1.conf');
        writeFileSync(path, text);
        const synced = readSyncedHosts(join(folder, '.ssh'));

        expect(hostBlocks(text).size).toBe(list.length);
        const names = foreignHostNames(path, folder, () => false);
        expect(names).toHaveLength(list.length);
        for (const entry of plan.entries) {
          for (const host of new Set([entry.alias, entry.instanceId])) {
            const seen = options(path, host);
            expect(seen.get('hostname')).toBe(entry.hostName);
            expect(seen.get('hostkeyalias')).toBe(entry.instanceId);
            expect(seen.get('port')).toBe(String(entry.port));
            expect(seen.get('user')).toBe(entry.user ?? baseline().get('user'));
            const isDirect = entry.route === 'direct';
            const command = isDirect ? commands.direct : through(bastion.instanceId, entry);
            expect(seen.get('proxycommand')).toBe(entry.route === 'jump' ? undefined : command);
            const jump = entry.route === 'jump' ? plan.bastionAlias : undefined;
            expect(seen.get('proxyjump')).toBe(jump);
            expect(reachHost(host, synced)).toEqual({
              target: isDirect ? entry.instanceId : bastion.instanceId,
              remoteHost: isDirect ? undefined : entry.hostName,
              profile: 'default',
              region: 'eu-west-1',
            });
            for (const option of [
              'localcommand',
              'permitlocalcommand',
              'remotecommand',
              'forwardagent',
            ]) {
              expect(seen.get(option)).toBe(baseline().get(option));
            }
          }
        }
        // Nothing is said about any other host.
        expect(options(path, 'elsewhere.example')).toEqual(baseline());
      }),
      { numRuns: 40 },
    );
  });
});

/** As ProxyCommand must read, whatever the addresses. */
function through(bastionId: string, { hostName }: { hostName: string }): string {
  return commands.direct.replace('--target %h', `--target ${bastionId} --host ${hostName}`);
}

let emptyConfig: Map<string, string> | undefined;
function baseline(): Map<string, string> {
  const path = join(folder, 'empty');
  writeFileSync(path, '');
  return (emptyConfig ??= options(path, 'elsewhere.example'));
}

function options(path: string, host: string): Map<string, string> {
  const { status, stdout, stderr } = spawnSync('ssh', ['-T', '-G', '-F', path, host], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0]!, line.slice(line.indexOf(' ') + 1)]),
  );
}
