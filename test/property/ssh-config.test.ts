import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EntryStyles } from '../../src/hosts/entry-styles.ts';
import { fleetOptions } from '../../src/hosts/fleet.ts';
import type { FleetWishes } from '../../src/hosts/fleet.ts';
import type { HostEntry, InventoryNode } from '../../src/hosts/host.ts';
import { withInlineTexts } from '../../src/hosts/inline-texts.ts';
import { nameHosts } from '../../src/hosts/name-hosts.ts';
import { planRegion } from '../../src/hosts/plan.ts';
import type { SyncAccount } from '../../src/hosts/read-accounts.ts';
import { renderEntry } from '../../src/hosts/render-entry.ts';
import { hostBlocks, renderHostsText } from '../../src/hosts/ssh-config-file.ts';
import { reachHost, readSyncedHosts } from '../../src/hosts/synced-hosts.ts';
import { anyText } from './any-text.ts';

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
  '{name}',
  '\n# <<< devaccess-default-eu-west-1.conf <<<\n',
);
/** Also what an endpoint that is not AWS could say in the place of a word of AWS. */
const tagText = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
  anyText(20),
);
const node = fc.record({
  instanceId: fc.stringMatching(/^i-[0-9a-f]{17}$/),
  name: fc.option(tagText, { nil: undefined }),
  role: tagText,
  user: tagText,
  port: fc.oneof(tagText, fc.constantFrom('2222', '22')),
  // ssh -G shows an IPv6 address in its short form, whatever the file says.
  address: fc.oneof(fc.ipV4(), fc.constantFrom('fd00::1', '2001:db8::2')),
  platformName: fc.oneof(tagText, fc.constantFrom('Ubuntu', 'Amazon Linux')),
  kind: fc.constantFrom('behind', 'behind', 'elsewhere', 'hybrid', 'stopped', 'lost'),
  pingStatus: tagText,
});

const wishes = fc.record({
  route: fc.constantFrom('auto', 'jump', 'remote-host', 'direct'),
  aliasTemplate: fc.constantFrom(undefined, '{tag:Role}-{name}', '{name}.{region}'),
  aliasCase: fc.constantFrom('lower', 'keep'),
  prefix: fc.constantFrom('', 'pre-'),
  includeStopped: fc.constant(true),
  controlMaster: fc.constantFrom(false, '1h'),
  key: fc.constantFrom(undefined, 'instance-connect' as const, 'run-command' as const),
  keyFrom: fc.constantFrom('generated' as const, 'agent' as const),
  identityFile: fc.constantFrom(undefined, '/home/me/.ssh/a key=50%#'),
} as const);

const NAME = 'devaccess-default-eu-west-1.conf';

/** A bastion, and what was made up, as an inventory would tell of it. */
function inventoryOf(list: readonly (typeof node extends fc.Arbitrary<infer T> ? T : never)[]) {
  const nodes = list.map(({ kind, ...facts }, at): InventoryNode => {
    const isHybrid = at > 0 && kind === 'hybrid';
    const isAbsent = at > 0 && (kind === 'stopped' || kind === 'lost');
    return {
      instanceId: isHybrid ? `m${facts.instanceId}` : facts.instanceId,
      name: facts.name,
      tags: new Map([
        ['ssh-user', facts.user],
        ['ssh-port', facts.port],
        ['Role', facts.role],
      ]),
      state: isHybrid ? undefined : kind === 'stopped' && at > 0 ? facts.pingStatus : 'running',
      vpcId: isHybrid ? undefined : at === 0 || kind === 'behind' ? 'vpc-1' : 'vpc-2',
      privateAddress: isHybrid ? undefined : facts.address,
      platformName: facts.platformName,
      isWindows: false,
      pingStatus: isAbsent
        ? facts.pingStatus || 'x'
        : kind === 'behind' && at > 0
          ? undefined
          : 'Online',
      agentVersion: undefined,
      isHybrid,
    };
  });
  return { nodes, notices: [], knowsPingStatus: true, knowsInstances: true };
}

describe('the generated SSH config', () => {
  it('means to ssh what it was made from, whatever tags say', () => {
    const nodes = fc.uniqueArray(node, {
      selector: ({ instanceId }) => instanceId,
      minLength: 2,
      maxLength: 7,
    });
    fc.assert(
      fc.property(nodes, wishes, fc.boolean(), (list, wish, inline) => {
        const inventory = inventoryOf(list);
        const [bastion] = inventory.nodes;
        const account: SyncAccount = {
          fleet: 'prod',
          profile: 'default',
          proxyProfile: 'default',
          region: 'eu-west-1',
          options: fleetOptions(wish),
          source: { instances: () => none(), managedNodes: () => none() },
          command: 'devaccess hosts sync',
        };
        const plan = planRegion(inventory, { nodes: [bastion!], notices: [] }, account.options);
        const taken = { reserved: new Set<string>(), kept: [] };
        const [named] = nameHosts([{ account, plan }], taken);
        const { entries, comments } = named!;
        const style = styles.of(account);
        const commands = style.proxyCommands;
        const text = renderHostsText({
          command: account.command,
          owner: { fleet: 'prod', config: '/home/me/\n.toml' },
          comments,
          entries: entries.map((entry) => renderEntry(entry, style)),
        });
        const path = place(text, inline);
        const synced = readSyncedHosts(join(folder, '.ssh'));

        // No line more or less than was meant, whatever is in it.
        expect(
          hostBlocks(text)
            .map(({ instanceId }) => instanceId)
            .sort(),
        ).toEqual(entries.map(({ instanceId }) => instanceId).sort());
        expect(text.split('\n').filter((line) => !/^( {4}[A-Z]|Host |# |$)/.test(line))).toEqual(
          [],
        );
        expect(entries.length + plan.skipped.length).toBe(list.length);
        for (const entry of entries) {
          for (const host of new Set([entry.alias, entry.instanceId])) {
            const seen = options(path, host);
            expect(seen.get('hostname')).toBe(entry.hostName);
            expect(seen.get('hostkeyalias')).toBe(entry.instanceId);
            expect(seen.get('port')).toBe(String(entry.port));
            expect(seen.get('user')).toBe(entry.user ?? baseline().get('user'));
            const isDirect = entry.route === 'direct';
            const key = keyWords(entry, wish);
            const direct = `${commands.direct()}${key}`;
            const command = {
              direct: () => direct,
              'remote-host': () => through(direct, entry),
              jump: () => (key === '' ? undefined : jumped(direct, entry)),
            };
            expect(seen.get('proxycommand')).toBe(command[entry.route]());
            const jump = entry.route === 'jump' && key === '' ? entry.bastion!.alias : undefined;
            expect(seen.get('proxyjump')).toBe(jump);
            const agent = key.includes('--agent') ? `${AGENTS}/${entry.instanceId}` : undefined;
            expect(seen.get('identityagent')).toBe(agent);
            expect(seen.get('controlpersist')).toBe(wish.controlMaster === '1h' ? '3600' : 'no');
            expect(seen.get('identitiesonly')).toBe(
              wish.identityFile === undefined || key !== '' ? 'no' : 'yes',
            );
            expect(reachHost(host, synced)).toEqual({
              target: isDirect ? entry.instanceId : bastion!.instanceId,
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

const AGENTS = '/home/me/.ssh/devaccess-agents';

/** What a server is given, if it can be. */
function keyWords(
  { instanceId, user }: HostEntry,
  { key, keyFrom }: Pick<FleetWishes, 'key' | 'keyFrom'>,
): string {
  if (key === undefined || (key === 'instance-connect' && instanceId.startsWith('mi-'))) return '';
  if (user !== undefined && !/^[A-Za-z_][A-Za-z0-9_.-]{0,30}$/.test(user)) return '';
  const name = user === undefined ? '' : ` --user ${user}`;
  const agent = keyFrom === 'agent' ? '' : ` --agent "${AGENTS}/${instanceId}"`;
  return ` --key ${key} --key-node ${instanceId}${name}${agent}`;
}

const styles = new EntryStyles({
  loginHome: '/home/me',
  sshDirectory: '/home/me/.ssh',
  program: { node: '/usr/bin/node', script: '/opt/dev access/devaccess-proxy.js' },
  flow: undefined,
});

async function* none(): AsyncGenerator<never> {
  // Not asked.
}

/** Where ssh reads the text: a file of its own, or the config. Returns what to hand to ssh. */
function place(text: string, inline: boolean): string {
  const own = join(folder, '.ssh', 'config.d', NAME);
  const config = join(folder, '.ssh', 'config');
  rmSync(own, { force: true });
  const changes = new Map([[NAME, inline ? text : undefined]]);
  const whole = withInlineTexts('', changes, { path: config, below: () => 0 });
  writeFileSync(config, whole, 'latin1');
  if (inline) return config;
  writeFileSync(own, text);
  return own;
}

/** As ProxyCommand must read, whatever the addresses. */
function jumped(direct: string, { bastion }: HostEntry): string {
  return direct.replace('--target %h', `--jump ${bastion!.alias} --host %h`);
}

function through(direct: string, { hostName, bastion }: HostEntry): string {
  const { instanceId } = bastion!;
  return direct.replace('--target %h', `--target ${instanceId} --host ${hostName}`);
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
