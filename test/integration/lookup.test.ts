import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { editText } from '../../src/hosts/edit-text.ts';
import { renderKnownHosts } from '../../src/hosts/host-keys/known-hosts-file.ts';
import { lookupIndex } from '../../src/hosts/lookup/lookup-index.ts';
import type { SyncAccount } from '../../src/hosts/read-accounts.ts';
import type { SyncResult } from '../../src/hosts/sync-result.ts';
import { readSyncedHosts } from '../../src/hosts/synced-hosts.ts';
import { DevaccessError } from '../../src/platform/errors.ts';
import { ed25519 } from '../unit/hosts/host-keys/keys.ts';
import { crowdAccounts, syncCrowd } from './support/crowd-sync.ts';

/** Few enough to ask ssh about each, and more than the sync is told that ssh can read. */
const accounts = crowdAccounts(26, ['eu-west-1', 'us-east-1']);
const READABLE = 10;
const SHELLS = ['dash', 'bash', 'busybox', 'zsh', 'fish'].filter(
  (shell) => spawnSync('which', [shell]).status === 0,
);

/** Where all entries are read by ssh: what it says of them is what it has to say. */
let plain: string;
let aliases: string[];
let ids: string[];
let folder: string;

const sync = (sshDirectory: string, own: readonly SyncAccount[] = accounts, readable = READABLE) =>
  syncCrowd(own, { sshDirectory, readableHosts: readable });
const ask = (sshDirectory: string, name: string, env: NodeJS.ProcessEnv = {}) =>
  spawnSync('ssh', ['-F', join(sshDirectory, 'config'), '-G', '--', name], {
    encoding: 'utf8',
    env: { ...process.env, SHELL: '/bin/sh', ...env },
  });
/** The values that entries have. */
const entryOf = (sshDirectory: string, name: string, env?: NodeJS.ProcessEnv): string[] =>
  ask(sshDirectory, name, env)
    .stdout.split('\n')
    .filter((line) => /^(host|user|port|proxy\w+|hostkeyalias|serveralive\w+) ?/.test(line))
    .map((line) => line.replaceAll(sshDirectory, '~/.ssh'));
const shelf = (): string => join(folder, 'devaccess-hosts');
const stores = (): string[] => readdirSync(shelf()).filter((name) => name.startsWith('store-'));
const store = (): string => join(shelf(), stores()[0] ?? '');
const now = (): string => readFileSync(join(store(), 'now.conf'), 'utf8');

beforeAll(async () => {
  plain = mkdtempSync(join(tmpdir(), 'da-plain-'));
  const { hosts } = await sync(plain, accounts, 1_000);
  aliases = hosts.map(({ alias }) => alias);
  ids = hosts.map(({ instanceId }) => instanceId ?? '');
});
afterAll(() => rmSync(plain, { recursive: true }));
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'da-lookup '))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('more servers than ssh can read', () => {
  it('are found by alias and by id, with the very values they have otherwise', async () => {
    const { files } = await sync(folder);
    expect(files.map(({ outcome }) => outcome)).not.toContain('unchanged');
    expect(existsSync(join(plain, 'devaccess-hosts'))).toBe(false);
    for (const name of [...aliases, ...ids]) {
      expect(entryOf(folder, name)).toEqual(entryOf(plain, name));
    }
    expect(entryOf(folder, aliases[0]!).join('\n')).toContain(`hostkeyalias ${ids[0]}`);
    expect(readSyncedHosts(folder)).toEqual(readSyncedHosts(plain));
  });

  it.each(SHELLS)("are found in %s, whichever the person's shell is", async (shell) => {
    await sync(folder);
    const path = spawnSync('which', [shell], { encoding: 'utf8' }).stdout.trim();
    const bin = mkdtempSync(join(tmpdir(), 'da-shell-'));
    // As the login's shell, and as `sh` where it can be one.
    const own = shell === 'busybox' ? '/bin/sh' : path;
    if (shell !== 'fish') spawnSync('ln', ['-s', path, join(bin, 'sh')]);
    const env = { SHELL: own, PATH: `${bin}:${process.env['PATH']}` };
    expect(entryOf(folder, aliases[3]!, env)).toEqual(entryOf(plain, aliases[3]!));
    expect(entryOf(folder, ids[4]!, env)).toEqual(entryOf(plain, ids[4]!));
    expect(ask(folder, aliases[5]!, env).stderr).not.toMatch(/sh:|error|not found/i);
    rmSync(bin, { recursive: true });
  });

  it('are found also where somebody asked for them in other letters before', async () => {
    await sync(folder);
    for (const name of [aliases[0]!, ids[1]!]) {
      expect(entryOf(folder, name.toUpperCase())).toEqual(entryOf(plain, name.toUpperCase()));
      expect(entryOf(folder, name)).toEqual(entryOf(plain, name));
    }
  });

  it('starts nothing for names that it knows about, found or not', async () => {
    await sync(folder);
    for (const name of [aliases[0]!, 'github.com']) ask(folder, name);
    const before = now();
    rmSync(join(store(), 'look-up'));
    expect(entryOf(folder, aliases[0]!)).toEqual(entryOf(plain, aliases[0]!));
    expect(entryOf(folder, 'github.com')).toEqual(entryOf(plain, 'github.com'));
    expect(ask(folder, aliases[0]!).stderr + ask(folder, 'github.com').stderr).not.toContain('sh');
    expect(now()).toBe(before);
  });

  it('are found by many ssh at a time', async () => {
    await sync(folder);
    const names = [...aliases, ...ids];
    const found = await Promise.all(
      names.map(async (name) => {
        const args = ['-F', join(folder, 'config'), '-G', name];
        const child = spawn('ssh', args, { env: { ...process.env, SHELL: '/bin/sh' } });
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
        await once(child, 'close');
        return /^hostkeyalias (.*)$/m.exec(text)?.[1];
      }),
    );
    expect(found).toEqual([...ids, ...ids]);
    expect(readdirSync(store()).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('begins anew where too many were found, and forgets none', async () => {
    await sync(folder);
    const long = Array.from({ length: 30 }, (_, index) => `${'x'.repeat(100)}${index}.example`);
    for (const name of [...long, ...aliases]) ask(folder, name);
    expect(readdirSync(store()).filter((name) => name.startsWith('found')).length).toBeGreaterThan(
      1,
    );
    expect(now().length).toBeLessThan(3_000);
    for (const name of aliases) expect(entryOf(folder, name)).toEqual(entryOf(plain, name));
  });

  it('takes no name for a command or a path', async () => {
    await sync(folder);
    const trap = join(folder, 'trap');
    const names = [
      `x'; touch '${trap}`,
      `x\\'; touch '${trap}'`,
      `$(touch ${trap})`,
      `\`touch ${trap}\``,
      `x;touch ${trap}`,
      `../../${aliases[0]}`,
      `x/../${aliases[0]}`,
      '-oProxyCommand=touch',
      '.hidden',
      'é',
      'x"y',
      `x\ntouch ${trap}`,
      'y'.repeat(300),
      '%n',
      '*',
    ];
    const before = now();
    for (const shell of SHELLS.filter((name) => name !== 'busybox')) {
      for (const name of names) ask(folder, name, { SHELL: shell });
    }
    expect(existsSync(trap)).toBe(false);
    expect(now()).toBe(before);
    expect(readdirSync(join(store(), 'found'))).toEqual([]);
  });

  it('says where it cannot look up', async () => {
    await sync(folder);
    rmSync(join(store(), 'found'), { recursive: true });
    writeFileSync(join(store(), 'found'), '');
    expect(ask(folder, aliases[0]!).stderr).toMatch(
      new RegExp(`devaccess: ${aliases[0]} cannot be looked up: .*'devaccess hosts sync'`),
    );
  });
});

describe('hosts sync with many servers', () => {
  it('changes nothing the second time, and keeps what was looked up', async () => {
    await sync(folder);
    ask(folder, aliases[0]!);
    const before = now();
    const { files, unchanged } = await sync(folder);
    expect(files.every(({ outcome }) => outcome === 'unchanged')).toBe(true);
    expect(unchanged.length).toBe(aliases.length);
    expect(now()).toBe(before);
  });

  it('comes to the same by what it remembers as by doing all of it again', async () => {
    await sync(folder);
    const remembered = await sync(folder);
    rmSync(join(shelf(), 'last-sync.json'));
    expect(await sync(folder)).toEqual(remembered);
  });

  it.each<[string, () => unknown, (result: SyncResult) => unknown]>([
    [
      'a line of theirs that takes a name',
      () => appendFileSync(join(folder, 'config'), `Host ${aliases[0]}\n`),
      ({ hosts }) => expect(hosts.map(({ alias }) => alias)).not.toContain(aliases[0]),
    ],
    [
      'what ssh looks up is damaged',
      () => rmSync(store(), { recursive: true }),
      () => expect(entryOf(folder, ids[0]!)).toEqual(entryOf(plain, ids[0]!)),
    ],
    [
      'a part of that is gone',
      () => rmSync(join(store(), 'index')),
      () => expect(entryOf(folder, ids[0]!)).toEqual(entryOf(plain, ids[0]!)),
    ],
    [
      'a part of that is empty',
      () => writeFileSync(join(store(), 'entries'), ''),
      () => expect(entryOf(folder, ids[0]!)).toEqual(entryOf(plain, ids[0]!)),
    ],
    [
      'an entry is changed by hand',
      () => {
        const path = join(shelf(), 'devaccess-crowd-eu-west-1.conf');
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll('ec2-user', 'root'));
      },
      ({ changed }) => expect(changed.length).toBeGreaterThan(5),
    ],
    [
      'keys are known',
      () => {
        mkdirSync(join(folder, 'known_hosts.d'));
        const host = { keys: [ed25519(1)], toldBy: { kind: 'node' }, refused: [] } as const;
        const path = join(folder, 'known_hosts.d', 'devaccess-crowd-eu-west-1');
        writeFileSync(path, renderKnownHosts(new Map([[ids[0]!, host]])));
      },
      ({ changed }) => expect(changed).toEqual([aliases[0]]),
    ],
  ])('does all of it again where %s', async (_what, change, check) => {
    await sync(folder);
    change();
    check(await sync(folder));
  });

  it('shows ssh no server that is gone, and keeps the former store for an ssh under way', async () => {
    await sync(folder);
    ask(folder, aliases[0]!);
    const fewer = withoutServer(ids[0]!);
    await sync(folder, fewer);
    expect(stores().length).toBe(2);
    expect(entryOf(folder, aliases[0]!)).toEqual(entryOf(plain, 'nobody').map(named(aliases[0]!)));
    expect(entryOf(folder, ids[1]!)).toEqual(entryOf(plain, ids[1]!));
    // Long after.
    const stub = readFileSync(join(folder, 'config.d', 'devaccess-@lookup.conf'), 'utf8');
    const former = stores().find((name) => !stub.includes(name)) ?? '';
    utimesSync(join(shelf(), former), 0, 0);
    await sync(folder, withoutServer(ids[1]!));
    expect(stores()).not.toContain(former);
  });

  it('moves all entries when there are more or fewer than ssh can read', async () => {
    const [first, second] = accounts;
    const one = ['bastion-eu-west-1', 'bastion-us-east-1'];
    await sync(folder, [first!], 1_000);
    expect(readdirSync(join(folder, 'config.d'))).toEqual(['devaccess-crowd-eu-west-1.conf']);
    // The other account brings more; the first fails, and its entries move along.
    const broken = { instances: refuse, managedNodes: refuse };
    const { failed } = await sync(folder, [{ ...first!, source: broken }, second!]);
    expect(failed.length).toBe(1);
    expect(readdirSync(join(folder, 'config.d'))).toEqual(['devaccess-@lookup.conf']);
    for (const name of one) expect(entryOf(folder, name)).toEqual(entryOf(plain, name));
    await sync(folder, accounts, 1_000);
    expect(readdirSync(join(folder, 'config.d'))).toEqual([
      'devaccess-crowd-eu-west-1.conf',
      'devaccess-crowd-us-east-1.conf',
    ]);
    expect(readdirSync(shelf()).filter((name) => name.endsWith('.conf'))).toEqual([]);
    for (const name of one) expect(entryOf(folder, name)).toEqual(entryOf(plain, name));
  });

  it('finds what is changed in a text afterwards, such as by hosts trust', async () => {
    await sync(folder);
    const insist = (text: string): string =>
      text.replaceAll('    HostKeyAlias', '    StrictHostKeyChecking yes\n    HostKeyAlias');
    await editText('devaccess-crowd-us-east-1.conf', insist, folder);
    expect(ask(folder, 'bastion-us-east-1').stdout).toContain('stricthostkeychecking true');
    expect(ask(folder, 'bastion-eu-west-1').stdout).toContain('stricthostkeychecking ask');
  });

  it('leaves all to nobody else', async () => {
    await sync(folder);
    ask(folder, aliases[0]!);
    const modes = readdirSync(shelf(), { recursive: true, encoding: 'utf8' }).map((name) => {
      const stats = statSync(join(shelf(), name));
      return stats.isDirectory() ? [0o700, stats.mode & 0o777] : [0o600, stats.mode & 0o777];
    });
    expect(modes.filter(([wanted, mode]) => wanted !== mode)).toEqual([]);
    chmodSync(shelf(), 0o777);
    await expect(sync(folder, withoutServer(ids[0]!))).rejects.toMatchObject({
      code: 'DA_FOLDER_UNSAFE',
    });
  });
});

describe('the index', () => {
  it('holds any names, of which the first of several counts', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 60 }), (hosts) => {
        const text = hosts.map(([alias, id]) => `Host ${alias} ${id}\n    User ü\n`).join('\n');
        const { entries, index, blockBytes } = lookupIndex([`# head\n\n${text}`]);
        expect(index.length).toBe(1024 * blockBytes);
        const bytes = Buffer.from(entries);
        for (const line of index.split('\n').filter((row) => row !== '')) {
          const [known = '', offset, length] = line.split(' ');
          const entry = bytes.subarray(Number(offset), Number(offset) + Number(length)).toString();
          const first = hosts.find((names) => names.some((each) => each.toLowerCase() === known));
          expect(entry.startsWith(`Host ${first?.[0]} ${first?.[1]}\n`)).toBe(true);
        }
        const names = new Set(hosts.flat().map((each) => each.toLowerCase()));
        expect(index.split('\n').filter((row) => row !== '').length).toBe(names.size);
      }),
    );
  });
});

/** A name that nobody knows, as ssh shows it. */
const named = (name: string) => (line: string) => line.replace('nobody', name);

function withoutServer(id: string): SyncAccount[] {
  return accounts.map((account) => ({
    ...account,
    source: {
      ...account.source,
      instances: async function* () {
        for await (const instance of account.source.instances()) {
          if (instance.InstanceId !== id) yield instance;
        }
      },
    },
  }));
}

function refuse(): AsyncIterable<never> {
  throw new DevaccessError('DA_NETWORK', 'nobody answers', {});
}
