import { join } from 'node:path';
import { DevaccessError } from '../platform/errors.ts';
import { readTextFile } from '../platform/safe-file.ts';
import { nothingThere } from './bastion.ts';
import { EntryStyles } from './entry-styles.ts';
import { planFixedHosts } from './fixed-hosts.ts';
import type { FixedHost, KnownEntry, PlannedFixed } from './fixed-hosts.ts';
import { nameHosts, sorted } from './name-hosts.ts';
import type { NamedAccount } from './name-hosts.ts';
import { checkTrust, trustInSync } from './host-keys/sync-trust.ts';
import type { TrustedText } from './host-keys/sync-trust.ts';
import { lookupObstacle } from './lookup/lookup-store.ts';
import { isOwnPath, readOwnTexts } from './own-texts.ts';
import type { OwnText, TextPlace } from './own-texts.ts';
import type { ProxyAccount, ProxyProgram } from './proxy-command.ts';
import { planAccounts, readInventories } from './read-accounts.ts';
import type {
  AccountFailure,
  PlannedAccount,
  ReadAccounts,
  SyncAccount,
  SyncProgress,
} from './read-accounts.ts';
import { renderEntry } from './render-entry.ts';
import {
  FIXED_OWNER,
  FIXED_TEXT_NAME,
  hostBlocks,
  refuseForeign,
  renderHostsText,
} from './ssh-config-file.ts';
import { readSshConfig } from './ssh-files.ts';
import type { ConfigPlace } from './ssh-files.ts';
import { hostChanges } from './sync-changes.ts';
import { hasMemo, recall, remember, syncKey } from './sync-memo.ts';
import { keylessNotices, placeNotices, shadowsOf } from './sync-notices.ts';
import { entriesOf, failureOf, fixedEntry, skippedOf, titled } from './sync-result.ts';
import type { SyncResult } from './sync-result.ts';
import { parseSyncedTexts } from './synced-hosts.ts';
import type { SyncedHost } from './synced-hosts.ts';
import { reservedNames } from './taken-names.ts';
import { textName, textScope } from './text-scope.ts';
import { includedFiles, planWrites, write } from './write-texts.ts';
import type { ConfigWorld } from './write-texts.ts';

export interface SyncRequest {
  accounts: readonly SyncAccount[];
  /** Fleets whose account could not be settled. */
  failures: readonly AccountFailure[];
  /** Undefined leaves them as they are. */
  fixedHosts: readonly FixedHost[] | undefined;
  /** What writes the fixed hosts again. */
  fixedCommand: string;
  /** The config file that fleets and fixed hosts are from. */
  config: string;
  /** Whether this is about all that the config file has, so that the rest of it is no more. */
  isComplete: boolean;
  /** Into the config itself instead of files of their own. */
  inline: boolean;
  flow: ProxyAccount['flow'];
  dryRun: boolean;
  onProgress?: (progress: SyncProgress) => void;
}

export interface SyncWorld extends ConfigWorld {
  program: ProxyProgram;
  /** Above this many, ssh looks entries up in the place of reading them all. Default 1000. */
  readableHosts?: number;
}

/** ssh -G with so many entries takes less than twice the time of an empty config (docs/performance.md). */
const READABLE_HOSTS = 1_000;

/**
 * Brings the SSH config up to date with EC2 and SSM (section 8 of the hosts facts): a text of our own
 * for each account and region, and one Include of them at the top of `~/.ssh/config`. What fails
 * keeps its entries and does not spoil the others.
 *
 * @throws DevaccessError the failure where there is one account and it failed; DA_USAGE,
 *   DA_UNQUOTABLE_PATH, DA_FOREIGN_FILE, DA_INLINE_BLOCK, DA_FOLDER_UNSAFE and those of `editFile`
 */
export async function syncHosts(request: SyncRequest, world: SyncWorld): Promise<SyncResult> {
  const { fixedHosts = [], dryRun } = request;
  const styles = new EntryStyles({ ...world, flow: request.flow });
  // Everything that can be refused is, before AWS is asked.
  for (const account of request.accounts) styles.of(account);
  if (request.fixedHosts !== undefined) checkPlace(FIXED_TEXT_NAME, request, world);

  const { accounts, onProgress = () => undefined } = request;
  const inventories = await readInventories(accounts, onProgress);
  const keyNow = (): string | undefined => {
    const place = configPlace(world, []);
    const config = readSshConfig(place);
    return syncKey({ request, world, inventories, configText: place.configText, config });
  };
  const known = hasMemo(world) ? recall(world, keyNow()) : undefined;
  if (known !== undefined) {
    styles.makeFolders();
    return known;
  }
  const read = planAccounts(accounts, inventories);
  const present = readOwnTexts(world.sshDirectory);
  const { planned, failures } = settled(withoutForeign(read, request, world), request, present);
  const scope = textScope(present, {
    accounts: planned.map(({ account }) => account),
    failures,
    completeConfig: request.isComplete ? request.config : undefined,
    writesFixed: request.fixedHosts !== undefined,
  });
  const kept = parseSyncedTexts(scope.kept).flatMap(({ hosts }) => hosts);
  const place = configPlace(world, present);
  const reserved = reservedNames(readSshConfig(place), world.sshDirectory, {
    isListed: (id) => planned.some(({ nodeOf }) => nodeOf(id) !== undefined),
    fixed: fixedHosts.map(({ name }) => name),
  });
  const named = nameHosts(planned, { reserved, kept });
  const fixed = planFixedHosts(fixedHosts, [
    ...named.flatMap(knownEntries),
    ...kept.map(keptEntry),
  ]);

  const trust = trustInSync(
    trustedTexts(planned, named, request.fixedHosts === undefined ? undefined : fixed.planned),
    (name) => scope.kept.some((own) => own.name === name),
    world,
  );
  const texts = renderTexts(named, fixed.planned, request, styles);
  for (const [name, text] of texts) {
    if (text !== undefined) texts.set(name, trust.withTrustedKeys(name, text));
  }
  const hosts = [...fixed.planned.map(fixedEntry), ...named.flatMap(entriesOf)];
  const textPlace = placeFor(hosts.length, scope.kept, request, world);
  const plan = planWrites({ texts, scope, trust, place: textPlace }, world);
  if (!dryRun) styles.makeFolders();
  const { files, diff } = await write(plan, dryRun);
  const former = [...scope.replaced, ...scope.removed].map(({ text }) => text);
  const result = {
    files,
    ...hostChanges(
      former,
      [...texts.values()].filter((text) => text !== undefined),
    ),
    hosts,
    skipped: [
      ...fixed.skipped.map((host) => ({ ...host, instanceId: null, fleet: null, region: null })),
      ...named.flatMap(skippedOf),
    ],
    filtered: named.reduce((sum, { filtered }) => sum + filtered, 0),
    failed: failures.map(failureOf),
    notices: [
      ...new Set([
        ...named.flatMap(({ account, notices }) => notices.map((text) => titled(account, text))),
        ...styles.notices,
        ...keylessNotices(named),
        ...shadowsOf(plan, place, texts, scope.kept),
        ...placeNotices(world),
      ]),
    ],
    dryRun,
    ...(diff === undefined ? {} : { diff }),
  };
  if (textPlace === 'shelf' && !dryRun && failures.length === 0) {
    await remember(world, keyNow(), result);
  }
  return result;
}

/** A file of somebody else's in the place of ours spoils no other. */
function withoutForeign(read: ReadAccounts, request: SyncRequest, world: SyncWorld): ReadAccounts {
  const planned: PlannedAccount[] = [];
  const failures = [...read.failures];
  for (const each of read.planned) {
    try {
      checkPlace(textName(each.account), request, world);
      planned.push(each);
    } catch (error) {
      if (!(error instanceof DevaccessError)) throw error;
      failures.push({ ...each.account, error });
    }
  }
  return { planned, failures };
}

/** @throws DevaccessError DA_FOREIGN_FILE, DA_KNOWN_HOSTS */
function checkPlace(name: string, { inline }: SyncRequest, world: SyncWorld): void {
  const path = join(world.sshDirectory, 'config.d', name);
  if (!inline) refuseForeign(readTextFile(path) ?? '', path);
  checkTrust(name, world);
}

/** What went wrong, with what looks like a wrong region; thrown where nothing else is left. */
function settled(
  read: ReadAccounts,
  { accounts, failures: earlier, fixedHosts = [] }: SyncRequest,
  present: readonly OwnText[],
): ReadAccounts {
  const isNothing = ({ account, plan }: PlannedAccount): boolean =>
    account.fleet === undefined &&
    plan.reached.length + plan.skipped.length + plan.filtered === 0 &&
    !present.some(({ name }) => name === textName(account));
  const isLost = read.planned.length > 0 && read.planned.every(isNothing);
  const isOnly = accounts.length + earlier.length === 1;
  const planned: PlannedAccount[] = [];
  const failures = [...earlier, ...read.failures];
  for (const each of read.planned) {
    const error = isLost ? nothingThere() : withoutBastion(each, isOnly, present);
    if (error === undefined) planned.push(each);
    else failures.push({ ...each.account, error });
  }
  const [only] = failures;
  if (only !== undefined && isOnly && fixedHosts.length === 0) throw only.error;
  return { planned, failures };
}

/**
 * Where no server can be reached for want of a bastion, their entries stay as they are. One that never
 * had any, beside other accounts, is no reason to fail.
 */
function withoutBastion(
  { account, plan }: PlannedAccount,
  isOnly: boolean,
  present: readonly OwnText[],
): DevaccessError | undefined {
  const text = present.find(({ name }) => name === textName(account))?.text;
  if (text === undefined) return isOnly ? plan.noBastion : undefined;
  const skipped = new Set(plan.skipped.map(({ instanceId }) => instanceId));
  const wouldLose = hostBlocks(text).some(({ instanceId }) => skipped.has(instanceId));
  return wouldLose ? plan.noBastion : undefined;
}

function trustedTexts(
  planned: readonly PlannedAccount[],
  named: readonly NamedAccount[],
  fixed: readonly PlannedFixed[] | undefined,
): TrustedText[] {
  const texts = planned.map(({ account, nodeOf, isGone }): TrustedText => {
    const entries = named.find((each) => each.account === account)?.entries ?? [];
    const ids = new Set(entries.map(({ instanceId }) => instanceId));
    return {
      name: textName(account),
      hasEntry: (id) => ids.has(id),
      isListed: (id) => nodeOf(id) !== undefined,
      isGone,
    };
  });
  if (fixed === undefined) return texts;
  const ids = new Set(fixed.map(({ entry }) => entry.instanceId));
  const hasEntry = (id: string): boolean => ids.has(id);
  const isGone = (id: string): boolean => !ids.has(id);
  return [...texts, { name: FIXED_TEXT_NAME, hasEntry, isListed: hasEntry, isGone }];
}

function knownEntries({ account, entries }: NamedAccount): KnownEntry[] {
  const { proxyProfile: profile, region } = account;
  return entries.map(({ alias, instanceId, route }) => ({
    alias,
    instanceId,
    hasAgent: route === 'direct',
    profile,
    region,
  }));
}

function keptEntry({ behind, ...host }: SyncedHost): KnownEntry {
  return { ...host, hasAgent: behind === undefined };
}

/** Texts by name; undefined for one that has nothing to say any more. */
function renderTexts(
  named: readonly NamedAccount[],
  fixed: readonly PlannedFixed[],
  { fixedHosts, fixedCommand, config }: SyncRequest,
  styles: EntryStyles,
): Map<string, string | undefined> {
  const texts = new Map<string, string | undefined>();
  if (fixedHosts !== undefined) {
    const inOrder = sorted(fixed.map((host) => ({ ...host.entry, host })));
    const entries = inOrder.map(({ host }) => renderEntry(host.entry, styles.ofFixed(host)));
    const owner = { fleet: FIXED_OWNER, config };
    const text = { command: fixedCommand, owner, comments: [], entries };
    texts.set(FIXED_TEXT_NAME, entries.length === 0 ? undefined : renderHostsText(text));
  }
  for (const { account, entries: hosts, comments } of named) {
    const { fleet, command } = account;
    const owner = { fleet, config: fleet === undefined ? undefined : config };
    const style = styles.of(account);
    const entries = hosts.map((entry) => renderEntry(entry, style));
    const isEmpty = entries.length + comments.length === 0;
    const text = { command, owner, comments, entries };
    texts.set(textName(account), isEmpty ? undefined : renderHostsText(text));
  }
  return texts;
}

function configPlace(world: SyncWorld, present: readonly OwnText[]): ConfigPlace {
  const { sshDirectory, loginHome } = world;
  const configPath = join(sshDirectory, 'config');
  return {
    configPath,
    configText: readTextFile(configPath, { encoding: 'binary' }) ?? '',
    loginHome,
    isOurs: (path) => isOwnPath(sshDirectory, path),
    ownFiles: includedFiles(present, sshDirectory),
  };
}

/** More than ssh can read at every start are looked up, where that is possible. */
function placeFor(
  hosts: number,
  kept: readonly OwnText[],
  { inline }: SyncRequest,
  { sshDirectory, readableHosts = READABLE_HOSTS }: SyncWorld,
): TextPlace {
  if (inline) return 'inline';
  const others = kept.filter(({ place }) => place !== 'inline');
  const count = others.reduce((sum, { text }) => sum + hostBlocks(text).length, hosts);
  return count > readableHosts && lookupObstacle(sshDirectory) === undefined ? 'shelf' : 'file';
}
