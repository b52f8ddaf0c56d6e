/** The questions of `devaccess setup`; each has a flag, so that nobody needs to be asked. */
import { askForSetup } from '../../cli/prompts.ts';
import { chooseIdentity } from '../../credentials/access.ts';
import {
  plainSetting,
  profileNames,
  profileSettings,
  readAwsFiles,
} from '../../credentials/profiles.ts';
import { isOnline, nodeLabel } from '../../hosts/host.ts';
import type { InventoryNode } from '../../hosts/host.ts';
import { awsInventorySource } from '../../hosts/inventory-source.ts';
import { readInventory } from '../../hosts/inventory.ts';
import { DevaccessError, printable } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { nearest } from '../../platform/nearest.ts';
import type { Choice } from '../../platform/terminal.ts';
import { choice, choose, COMMAND } from './setup-questions.ts';

export interface SetupFlags {
  region?: string[] | undefined;
  bastion?: string | undefined;
  route?: string | undefined;
}

/** By key of `[fleets.NAME]`. */
export interface SetupAnswers {
  profile: string;
  regions: readonly string[];
  /** Undefined: it is found by its name where one is needed. */
  bastion: string | undefined;
  route: string;
}

const ROUTES: readonly Choice[] = [
  choice('auto', "a server's own agent where it is online, else the SSH server of the bastion"),
  choice('direct', "servers' own agents alone; no bastion"),
  choice('jump', 'through the SSH server of the bastion, to all in its network'),
  choice('remote-host', "through the bastion's agent alone: no login on the bastion is needed"),
];

/**
 * Asks what no flag says.
 *
 * @param say tells what could not be looked up
 * @throws DevaccessError DA_NO_TERMINAL (exit 3), DA_CANCELLED
 */
export async function setupAnswers(
  profile: string,
  flags: SetupFlags,
  env: Environment,
  say: (text: string) => void,
): Promise<SetupAnswers> {
  const regions = flags.region ?? [await askRegion(profile, env)];
  const route = flags.route ?? (await choose('How are servers reached?', ROUTES));
  // Direct entries use none.
  const without = route === 'direct' ? 'auto' : undefined;
  const bastion =
    flags.bastion ??
    without ??
    (await choose('Bastion:', await bastions(profile, regions, env, say)));
  return { profile, regions, route, bastion: bastion === 'auto' ? undefined : bastion };
}

/** @throws DevaccessError DA_NO_TERMINAL (exit 3), DA_CANCELLED, DA_NO_PROFILE */
export async function askProfile(env: Environment): Promise<string> {
  const names = profileNames(readAwsFiles(env));
  if (names.length === 0) {
    throw new DevaccessError('DA_NO_PROFILE', 'The AWS files have no profile yet', {
      next: 'run devaccess login setup, then devaccess setup again',
    });
  }
  return choose(
    'AWS profile:',
    names.map((name) => choice(name, '')),
  );
}

/** Tells of a profile that is not there: it may come later. */
export function checkProfile(profile: string, env: Environment, say: (text: string) => void): void {
  const names = profileNames(readAwsFiles(env));
  if (names.includes(profile)) return;
  const near = nearest(profile, names);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  say(`the AWS files have no profile ${profile}${hint}`);
}

async function askRegion(profile: string, env: Environment): Promise<string> {
  const known = plainSetting(profileSettings(readAwsFiles(env), profile), 'region') ?? '';
  const meant = (answer: string): string => (answer.trim() === '' ? known : answer.trim());
  const message = `Region of the servers${known === '' ? '' : ` (${known})`}:`;
  const validate = (text: string): true | string =>
    /^[a-z]{2,5}(-[a-z]+){1,3}-\d{1,2}$/.test(meant(text)) || 'a region, such as eu-central-1';
  return meant(await askForSetup({ message, validate }, COMMAND));
}

/** Servers that are online, those that look like a bastion first. */
async function bastions(
  profile: string,
  regions: readonly string[],
  env: Environment,
  say: (text: string) => void,
): Promise<Choice[]> {
  const found: { choice: Choice; isLikely: boolean }[] = [];
  try {
    for (const region of regions) {
      const identity = await chooseIdentity(profile, env, Date.now());
      const source = awsInventorySource({ ...identity, region }, identity.namedProfile);
      const { nodes } = await readInventory(source, { wantsTag: () => false });
      const online = nodes.filter((node) => isOnline(node) && !node.isWindows);
      for (const node of online) {
        const name = `${printable(nodeLabel(node))} in ${region}`;
        const option = { value: selector(node, online), name, description: '' };
        found.push({ choice: option, isLikely: /bastion|jump/i.test(node.name ?? '') });
      }
    }
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    say(`servers could not be looked up, so none is offered: ${error.message}`);
  }
  return [
    ...found.filter(({ isLikely }) => isLikely).map((each) => each.choice),
    choice('auto', 'one with bastion or jump in its name, looked for by each sync'),
    choice('none', 'servers are reached by their own agents'),
    ...found.filter(({ isLikely }) => !isLikely).map((each) => each.choice),
  ];
}

/** A tag outlives the instance; it must not be that of others, too. */
function selector(
  { instanceId, name = '', isHybrid }: InventoryNode,
  all: InventoryNode[],
): string {
  const isOnly = all.filter((other) => other.name === name).length === 1;
  const isTag = name !== '' && isOnly && !isHybrid && !/\p{C}/u.test(name);
  return isTag ? `tag:Name=${name}` : instanceId;
}
