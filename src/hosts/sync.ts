import { join } from 'node:path';
import type { EditOptions } from '../platform/safe-file.ts';
import { editFile, readTextFile } from '../platform/safe-file.ts';
import { unifiedDiff } from '../platform/unified-diff.ts';
import type { Reserved } from './aliases.ts';
import { chooseBastion } from './bastion.ts';
import { trustInSync } from './host-keys/sync-trust.ts';
import type { BastionRoute, HostEntry, Route } from './host.ts';
import { checkUser } from './host-user.ts';
import { readInventory } from './inventory.ts';
import type { Inventory, InventorySource } from './inventory.ts';
import { knownHosts } from './known-hosts.ts';
import { planHosts } from './plan.ts';
import type { SkippedNode } from './plan.ts';
import { proxyCommands } from './proxy-command.ts';
import type { ProxyAccount, ProxyProgram } from './proxy-command.ts';
import {
  hostBlocks,
  hostsFileLock,
  hostsFileName,
  refuseForeign,
  renderHostsFile,
  sorted,
} from './ssh-config-file.ts';
import { foreignHostNames } from './ssh-files.ts';
import { includeLine, withInclude } from './ssh-include.ts';

export interface SyncRequest {
  /** Names the file; the account the hosts belong to. */
  profile: string;
  /** Profile written into ProxyCommand; undefined leaves it to the environment. */
  proxyProfile: string | undefined;
  region: string;
  /** Instance id or `tag:KEY=VALUE`. */
  bastion: string | undefined;
  /** How hosts behind the bastion are reached. */
  route: BastionRoute;
  user: string | undefined;
  flow?: ProxyAccount['flow'];
  dryRun: boolean;
}

export interface SyncWorld {
  source: InventorySource;
  /** `~/.ssh`. */
  sshDirectory: string;
  /** The home ssh itself uses. */
  loginHome: string;
  program: ProxyProgram;
}

/** What `devaccess hosts sync --json` prints. */
export interface SyncResult {
  files: { path: string; outcome: 'created' | 'changed' | 'unchanged' }[];
  /** Aliases. */
  added: string[];
  changed: string[];
  removed: string[];
  unchanged: string[];
  hosts: {
    alias: string;
    instanceId: string;
    route: Route;
    hostName: string;
    user: string | null;
    port: number;
  }[];
  skipped: SkippedNode[];
  notices: string[];
  dryRun: boolean;
  /** Unified diff of the files; only with dryRun. */
  diff?: string;
}

interface FileEdit {
  path: string;
  edit: (text: string) => string;
  options: EditOptions;
}

/**
 * Brings the SSH config up to date with EC2 and SSM (section 8 of the hosts facts): an own file
 * for this profile and region, and one Include of it at the top of `~/.ssh/config`.
 *
 * @throws DevaccessError DA_BASTION_NOT_FOUND, DA_BASTION_AMBIGUOUS, DA_BASTION_OFFLINE, DA_USAGE,
 *   DA_UNQUOTABLE_PATH, DA_FOREIGN_FILE, those of the calls and of `editFile`
 */
export async function syncHosts(request: SyncRequest, world: SyncWorld): Promise<SyncResult> {
  // Everything that can be refused is, before AWS is asked.
  const user = request.user === undefined ? undefined : checkUser(request.user);
  const { proxyProfile, region, flow = {} } = request;
  const commands = proxyCommands(world.program, { profile: proxyProfile, region, flow });

  const inventory = await readInventory(world.source);
  const bastion = chooseBastion(inventory, request.bastion);
  const folder = join(world.sshDirectory, 'config.d');
  const fileName = hostsFileName(request.profile, request.region);
  const path = join(folder, fileName);
  const mainConfig = join(world.sshDirectory, 'config');
  const ids = new Set(inventory.nodes.map(({ instanceId }) => instanceId));
  const reserved = reservedNames(world, path, ids);
  const plan = planHosts(inventory.nodes, bastion, { route: request.route, user, reserved });
  const entries = sorted(plan.entries);
  const trust = trustInSync(path, world, (id) => !ids.has(id) && isTold(inventory, id));
  const rendered = renderHostsFile(
    {
      command: regenerateCommand(request),
      bastion: { alias: plan.bastionAlias, instanceId: bastion.instanceId },
      proxyCommands: commands,
    },
    entries,
  );
  const text = trust.withTrustedKeys(rendered);

  const place = { ...world, hostsFile: path };
  const before = readTextFile(path) ?? '';
  const edits: FileEdit[] = [
    {
      path,
      edit: (present) => (refuseForeign(present, path), text),
      options: { lockPath: hostsFileLock(path) },
    },
    ...trust.edits,
    {
      path: mainConfig,
      edit: (present) => withInclude(present, place),
      options: {
        mode: 'keep',
        encoding: 'binary',
        advice: `add '${includeLine(place)}' above all Host lines yourself, once`,
      },
    },
  ];
  const diff = request.dryRun ? edits.map(diffOf).join('') : undefined;
  const files = request.dryRun ? edits.map(foresee) : await applyAll(edits);
  return {
    files,
    ...compareBlocks(before, text),
    hosts: entries.map(hostResult),
    skipped: plan.skipped,
    notices: [...inventory.notices, ...placeNotices(world)],
    dryRun: request.dryRun,
    ...(diff === undefined ? {} : { diff }),
  };
}

/** Whether the inventory would have an instance or a node if there was one of this id. */
function isTold({ knowsInstances, knowsPingStatus }: Inventory, id: string): boolean {
  return id.startsWith('mi-') ? knowsPingStatus : knowsInstances;
}

async function applyAll(edits: readonly FileEdit[]): Promise<SyncResult['files']> {
  const files: SyncResult['files'] = [];
  for (const { path, edit, options } of edits) {
    const { path: written, outcome } = await editFile(path, edit, options);
    files.push({ path: written, outcome });
  }
  return files;
}

function foresee({ path, edit, options }: FileEdit): SyncResult['files'][number] {
  const present = readTextFile(path, options);
  const isSame = edit(present ?? '') === (present ?? '');
  return { path, outcome: isSame ? 'unchanged' : present === undefined ? 'created' : 'changed' };
}

function diffOf({ path, edit, options }: FileEdit): string {
  const present = readTextFile(path, options) ?? '';
  const shown = (text: string): string =>
    options.encoding === 'binary' ? Buffer.from(text, 'latin1').toString('utf8') : text;
  return unifiedDiff(path, shown(present), shown(edit(present)));
}

/**
 * Names taken elsewhere; a line about a server of this very inventory takes nothing away. A tag
 * must not take over a domain name the person already reaches, such as that of a Git server.
 */
function reservedNames(
  { sshDirectory, loginHome }: SyncWorld,
  ownFile: string,
  ids: ReadonlySet<string>,
): Reserved {
  const mainConfig = join(sshDirectory, 'config');
  const lines = foreignHostNames(mainConfig, loginHome, (path) => path === ownFile);
  const foreign = lines.filter((names) => ![...names].some((name) => ids.has(name)));
  const names = new Set(foreign.flatMap((line) => [...line]));
  const known = readTextFile(join(sshDirectory, 'known_hosts'), { encoding: 'binary' }) ?? '';
  const isKnown = knownHosts(known);
  return { has: (alias) => names.has(alias) || (alias.includes('.') && isKnown(alias)) };
}

function compareBlocks(
  before: string,
  after: string,
): Pick<SyncResult, 'added' | 'changed' | 'removed' | 'unchanged'> {
  const old = hostBlocks(before);
  const now = hostBlocks(after);
  const added: string[] = [];
  const changed: string[] = [];
  const unchanged: string[] = [];
  for (const [id, block] of now) {
    const former = old.get(id);
    const list = former === undefined ? added : former.text === block.text ? unchanged : changed;
    list.push(block.alias);
  }
  const removed = [...old].filter(([id]) => !now.has(id)).map(([, { alias }]) => alias);
  return { added, changed, removed, unchanged };
}

function regenerateCommand(request: SyncRequest): string {
  const option = (name: string, value: string | undefined): string =>
    value === undefined ? '' : ` --${name} ${shellWord(value)}`;
  return (
    `devaccess hosts sync${option('profile', request.proxyProfile)}` +
    option('region', request.region) +
    option('bastion', request.bastion) +
    option('route', request.route === 'jump' ? undefined : request.route) +
    option('user', request.user)
  );
}

/** Control characters cannot be a part of a comment line. */
function shellWord(value: string): string {
  if (/^[\w:=.@/+-]+$/.test(value)) return value;
  return `'${value.replace(/\p{Cc}/gu, '?').replaceAll("'", `'\\''`)}'`;
}

function hostResult(entry: HostEntry): SyncResult['hosts'][number] {
  return { ...entry, user: entry.user ?? null };
}

/** What about this computer will surprise the person later. */
function placeNotices({ sshDirectory, loginHome, program }: SyncWorld): string[] {
  const notices: string[] = [];
  if (sshDirectory !== join(loginHome, '.ssh')) {
    // ssh asks the system for the home, not HOME.
    const config = join(sshDirectory, 'config');
    notices.push(`HOME is not the login's home, so ssh needs to be told: ssh -F ${config}`);
  }
  if (/[/\\]_npx[/\\]/.test(program.script)) {
    notices.push('npx keeps devaccess in a cache only; npm install -g devaccess, then sync again');
  }
  return notices;
}
