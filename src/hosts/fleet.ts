/** How the servers of one account become entries: what the config file and flags can say. */
import { readTemplate } from '../platform/name-template.ts';
import type { TemplatePart } from '../platform/name-template.ts';
import type { KeyChoice, KeyOrigin } from './login-keys.ts';
import type { BastionRoute } from './host.ts';

/** Which way entries go: `auto` is the own agent where it is online, else the bastion's sshd. */
export type RouteChoice = 'auto' | 'direct' | BastionRoute;

/** Who logs in to servers that all given conditions cover; patterns with `*` and `?`. */
export interface UserRule {
  user: string;
  /** Of the tag Name, in any case. */
  name?: string | undefined;
  /** As SSM names the platform, in any case. */
  platform?: string | undefined;
  tag?: { key: string; pattern: string } | undefined;
}

export interface FleetOptions {
  /** Instance id, `tag:KEY=VALUE` or `none`; else it is found by its name where one is needed. */
  bastion: string | undefined;
  route: RouteChoice;
  /** Values of which one must fit, by key; all keys must. Patterns with `*` and `?`. */
  tags: ReadonlyMap<string, readonly string[]>;
  /** Instance states that get an entry. */
  states: readonly string[];
  user: string | undefined;
  users: readonly UserRule[];
  port: number | undefined;
  identityFile: string | undefined;
  /** How servers get a key for a minute with each connection; undefined: not at all. */
  key: KeyChoice | undefined;
  keyFrom: KeyOrigin;
  /** How long a shared connection stays open unused, as ssh_config(5) writes times. */
  controlPersist: string | undefined;
  alias: AliasOptions;
  /** Entries also for servers that are not known to be online. */
  all: boolean;
  /** A comment in the file for what is stopped or offline. */
  includeStopped: boolean;
  windowsSsh: boolean;
}

export interface AliasOptions {
  /** Key of the tag that names a server. */
  tag: string;
  template: readonly TemplatePart[];
  keepsCase: boolean;
  prefix: string;
  suffix: string;
}

/** What may be said of a fleet; all of it has a default. */
export interface FleetWishes {
  bastion?: string | undefined;
  route?: RouteChoice | undefined;
  tags?: ReadonlyMap<string, readonly string[]> | undefined;
  states?: readonly string[] | undefined;
  user?: string | undefined;
  users?: readonly UserRule[] | undefined;
  port?: number | undefined;
  identityFile?: string | undefined;
  key?: KeyChoice | undefined;
  keyFrom?: KeyOrigin | undefined;
  controlMaster?: boolean | string | undefined;
  aliasTag?: string | undefined;
  aliasTemplate?: string | undefined;
  aliasCase?: 'lower' | 'keep' | undefined;
  prefix?: string | undefined;
  suffix?: string | undefined;
  all?: boolean | undefined;
  includeStopped?: boolean | undefined;
  windowsSsh?: boolean | undefined;
}

const CONTROL_PERSIST = '10m';
const PLAIN_TEMPLATE: readonly TemplatePart[] = [{ field: 'name', key: '' }];

/** Wishes with a default for everything. */
export function fleetOptions(wishes: FleetWishes): FleetOptions {
  return {
    bastion: wishes.bastion,
    route: wishes.route ?? 'auto',
    tags: wishes.tags ?? new Map(),
    states: wishes.states ?? ['running'],
    user: wishes.user,
    users: wishes.users ?? [],
    port: wishes.port,
    identityFile: wishes.identityFile,
    key: wishes.key,
    keyFrom: wishes.keyFrom ?? 'generated',
    controlPersist: controlPersist(wishes.controlMaster),
    alias: {
      tag: wishes.aliasTag ?? 'Name',
      template: readTemplate(wishes.aliasTemplate ?? '') ?? PLAIN_TEMPLATE,
      keepsCase: wishes.aliasCase === 'keep',
      prefix: wishes.prefix ?? '',
      suffix: wishes.suffix ?? '',
    },
    all: wishes.all ?? false,
    includeStopped: wishes.includeStopped ?? false,
    windowsSsh: wishes.windowsSsh ?? false,
  };
}

/** How long a shared connection stays open unused; undefined where none is shared. */
export function controlPersist(controlMaster: boolean | string | undefined): string | undefined {
  if (controlMaster === undefined || controlMaster === false) return undefined;
  return controlMaster === true ? CONTROL_PERSIST : controlMaster;
}

/** Tags that say something about the user and the port of a server (8.4). */
export const USER_TAG = 'ssh-user';
export const PORT_TAG = 'ssh-port';

/** Whether a tag plays any part; the others of a large account need not be kept. */
export function wantedTags(fleet: FleetOptions): (key: string) => boolean {
  const keys = new Set([
    USER_TAG,
    PORT_TAG,
    // Every node has its Name beside its tags.
    ...(fleet.alias.tag === 'Name' ? [] : [fleet.alias.tag]),
    ...fleet.tags.keys(),
    ...fleet.alias.template.flatMap((part) => ('key' in part ? [part.key] : [])),
    ...fleet.users.flatMap(({ tag }) => (tag === undefined ? [] : [tag.key])),
    ...(fleet.bastion?.startsWith('tag:') === true
      ? [fleet.bastion.slice('tag:'.length).replace(/=.*/s, '')]
      : []),
  ]);
  return (key) => keys.has(key);
}
