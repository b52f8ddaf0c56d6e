/** What a sync is about: fleets of the config file, or the one account that flags and environment say. */
import { chooseRegion } from '../../aws/region.ts';
import type { Config } from '../../config/config-file.ts';
import { readFleetFlags } from '../../config/fleet-flags.ts';
import type { FleetSettings } from '../../config/fleet-settings.ts';
import { chooseIdentity } from '../../credentials/access.ts';
import type { AwsIdentity } from '../../credentials/access.ts';
import type { FixedHost } from '../../hosts/fixed-hosts.ts';
import { controlPersist, fleetOptions } from '../../hosts/fleet.ts';
import type { FleetWishes } from '../../hosts/fleet.ts';
import { awsInventorySource } from '../../hosts/inventory-source.ts';
import type { AccountFailure, SyncAccount } from '../../hosts/read-accounts.ts';
import { commandLine, shellWord } from '../../hosts/regenerate-command.ts';
import type { SyncRequest } from '../../hosts/sync.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { nearest } from '../../platform/nearest.ts';
import { envValue } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';

/** As oclif parses `SYNC_FLAGS`. */
export interface SyncFlags {
  fleet?: string[] | undefined;
  profile?: string | undefined;
  region?: string[] | undefined;
  tag?: string[] | undefined;
  state?: string[] | undefined;
  inline?: boolean | undefined;
  'dry-run': boolean;
  [key: string]: unknown;
}

interface FleetChoice {
  /** Undefined for the account of flags and environment. */
  name: string | undefined;
  wishes: FleetWishes;
  profile: string | undefined;
  regions: readonly string[] | undefined;
}

/** Keys of `[fleets.NAME]` that have a flag of the same name. */
const SAME_KEYS = [
  'bastion',
  'route',
  'user',
  'port',
  'alias-tag',
  'alias-template',
  'alias-case',
  'prefix',
  'suffix',
  'all',
  'include-stopped',
  'windows-ssh',
  'key',
  'key-from',
  'control-master',
] as const;

/**
 * Settles accounts and regions. A fleet whose account cannot be settled is one of the failures.
 *
 * @returns the request, and what grows while credentials are fetched
 * @throws DevaccessError DA_USAGE, DA_FLEET_UNKNOWN
 */
export async function syncRequest(
  flags: SyncFlags,
  config: Config,
  env: Environment,
): Promise<{ request: Omit<SyncRequest, 'onProgress'>; notices: () => string[] }> {
  const asked = readFleetFlags({
    ...Object.fromEntries(SAME_KEYS.map((key) => [key, flags[key]])),
    profile: flags.profile,
    regions: flags.region,
    states: flags.state,
    tags: tagTable(flags.tag),
  });
  const isAdHoc = flags.fleet === undefined && (flags.profile ?? flags.region) !== undefined;
  const choices =
    isAdHoc || config.fleets.size === 0 ? [adHoc(asked, config)] : fleets(flags, asked, config);
  const identities = new Map<string, Promise<AwsIdentity>>();
  const identityOf = (profile: string | undefined): Promise<AwsIdentity> => {
    const key = profile ?? '';
    const identity = identities.get(key) ?? chooseIdentity(profile, env, Date.now());
    identities.set(key, identity);
    return identity;
  };
  const accounts: SyncAccount[] = [];
  const failures: AccountFailure[] = [];
  const settled: AwsIdentity[] = [];
  for (const choice of choices) {
    try {
      const identity = await identityOf(choice.profile);
      if (!settled.includes(identity)) settled.push(identity);
      const regions = choice.regions ?? [undefined];
      const command = choice.name === undefined ? SYNC : syncCommand(config, env);
      const place = { identity, flags, env, command };
      accounts.push(...regions.map((region) => accountOf(choice, region, place)));
    } catch (error) {
      if (!(error instanceof DevaccessError)) throw error;
      const { name: fleet, profile } = choice;
      failures.push({ fleet, profile, region: undefined, error });
    }
  }
  const isComplete = !isAdHoc && flags.fleet === undefined;
  return {
    request: {
      accounts,
      failures,
      fixedHosts: isComplete ? fixedHosts(config) : undefined,
      fixedCommand: syncCommand(config, env),
      config: config.path,
      isComplete,
      inline: flags.inline ?? config.ssh.inline ?? false,
      flow: config.session,
      dryRun: flags['dry-run'],
    },
    notices: () => settled.flatMap(({ notices }) => notices),
  };
}

function adHoc(asked: FleetSettings, config: Config): FleetChoice {
  const { profile, regions } = asked;
  const wishes = { ...asked, users: config.users };
  return { name: undefined, wishes, profile, regions };
}

/** @throws DevaccessError DA_FLEET_UNKNOWN */
function fleets(flags: SyncFlags, asked: FleetSettings, config: Config): FleetChoice[] {
  const names = flags.fleet === undefined ? [...config.fleets.keys()] : new Set(flags.fleet);
  const given = Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== undefined),
  );
  return [...names].map((name) => {
    const settings = config.fleets.get(name);
    if (settings === undefined) throw unknownFleet(name, config);
    const { profile, regions } = { ...settings, ...given };
    const users = [...(settings.users ?? []), ...(config.users ?? [])];
    return { name, wishes: { ...settings, ...given, users }, profile, regions };
  });
}

/** @throws DevaccessError DA_NO_REGION, DA_USAGE */
function accountOf(
  { name, wishes }: FleetChoice,
  asked: string | undefined,
  {
    identity,
    flags,
    env,
    command,
  }: { identity: AwsIdentity; flags: SyncFlags; env: Environment; command: string },
): SyncAccount {
  if (wishes.keyFrom !== undefined && wishes.key === undefined) {
    throw new DevaccessError('DA_USAGE', 'There is key-from without key, which it would be of', {
      next: 'give --key, or key in the config file, as well',
      exitCode: EXIT.usage,
    });
  }
  const { profile, namedProfile, profileRegion } = identity;
  const region = chooseRegion({ flag: asked, env, profileRegion });
  const options = Object.fromEntries(
    [...SAME_KEYS, 'tag', 'state'].map((key) => [key, flags[key] as string | undefined]),
  );
  const account =
    name === undefined ? { profile: namedProfile, region } : { fleet: name, region: flags.region };
  return {
    fleet: name,
    profile,
    proxyProfile: namedProfile,
    region,
    options: fleetOptions(wishes),
    source: awsInventorySource({ ...identity, region }, namedProfile),
    command: commandLine(command, { ...account, ...options }),
  };
}

/** To write the fixed hosts alone, which no account is asked for. */
export function fixedRequest(config: Config, env: Environment): SyncRequest {
  return {
    accounts: [],
    failures: [],
    fixedHosts: fixedHosts(config),
    fixedCommand: syncCommand(config, env),
    config: config.path,
    isComplete: false,
    inline: config.ssh.inline ?? false,
    flow: config.session,
    dryRun: false,
  };
}

function fixedHosts({ hosts }: Config): FixedHost[] {
  return [...hosts].map(([name, settings]) => ({
    name,
    instance: settings.instance,
    address: settings.address,
    via: settings.via,
    route: settings.route,
    user: settings.user,
    port: settings.port,
    identityFile: settings.identityFile,
    key: settings.key,
    keyFrom: settings.keyFrom ?? 'generated',
    controlPersist: controlPersist(settings.controlMaster),
    profile: settings.profile,
    region: settings.region,
  }));
}

function tagTable(tags: readonly string[] | undefined): Record<string, string[]> | undefined {
  if (tags === undefined) return undefined;
  const table: Record<string, string[]> = {};
  for (const tag of tags) {
    const at = tag.indexOf('=');
    if (at <= 0) {
      throw new DevaccessError('DA_USAGE', `--tag: ${JSON.stringify(tag)} is not KEY=VALUE`, {
        next: 'give a key and a value, such as --tag Role=web',
        exitCode: EXIT.usage,
      });
    }
    (table[tag.slice(0, at)] ??= []).push(tag.slice(at + 1));
  }
  return table;
}

const SYNC = 'devaccess hosts sync';

/** The command that finds the same config file. */
function syncCommand({ path }: Config, env: Environment): string {
  const isElsewhere = envValue(env, 'DEVACCESS_CONFIG') !== undefined;
  return isElsewhere ? `DEVACCESS_CONFIG=${shellWord(path)} ${SYNC}` : SYNC;
}

function unknownFleet(name: string, { path, fleets: known }: Config): DevaccessError {
  const names = [...known.keys()];
  const near = nearest(name, names);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return new DevaccessError('DA_FLEET_UNKNOWN', `There is no fleet '${name}' in ${path}${hint}`, {
    next: `it has ${names.join(', ')}`,
    exitCode: EXIT.usage,
  });
}
