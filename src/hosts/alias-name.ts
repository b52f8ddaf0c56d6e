import type { TemplatePart } from '../platform/name-template.ts';
import type { AliasOptions } from './fleet.ts';
import { tagValue } from './host.ts';
import type { InventoryNode } from './host.ts';

export const MAX_ALIAS = 63;

/** What a template can name beside the server itself. */
export interface AliasPlace {
  region: string;
  profile: string;
  /** Undefined for the account of the command's flags. */
  fleet: string | undefined;
}

/** Ids, addresses and this computer have meanings of their own; `ProxyJump none` means no jump. */
const RESERVED = /^(m?i-.*|[0-9.]+|localhost|none)$/i;

/**
 * A name as an SSH alias: only `A-Z a-z 0-9 . _ -`, lower case unless `keepsCase`, at most `room`
 * characters; undefined when nothing is left or it would pass for an id, an address, this
 * computer or no host at all (8.3). Accents are dropped.
 */
export function normaliseName(
  name: string,
  { keepsCase = false, room = MAX_ALIAS } = {},
): string | undefined {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '');
  const cleaned = (keepsCase ? plain : plain.toLowerCase())
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/-{2,}/g, '-');
  const alias = trimEnds(trimEnds(cleaned).slice(0, room));
  return alias === '' || RESERVED.test(alias) ? undefined : alias;
}

/**
 * The alias a server would like to have, by the fleet's template; undefined where nothing that the
 * template names is known, so that the id is all there is.
 */
export function wantedAlias(
  node: InventoryNode,
  place: AliasPlace,
  options: AliasOptions,
): string | undefined {
  const { template, keepsCase, prefix, suffix } = options;
  const values = template.map((part) =>
    'literal' in part ? part.literal : fieldValue(part, node, place, options.tag),
  );
  const isNamed = template.some(
    (part, at) => 'field' in part && /[\p{L}\p{N}]/u.test(values[at] ?? ''),
  );
  const room = MAX_ALIAS - prefix.length - suffix.length;
  const core = isNamed ? normaliseName(values.join(''), { keepsCase, room }) : undefined;
  if (core === undefined) return undefined;
  return normaliseName(`${prefix}${core}${suffix}`, { keepsCase });
}

function fieldValue(
  { field, key }: Extract<TemplatePart, { field: unknown }>,
  node: InventoryNode,
  { region, profile, fleet }: AliasPlace,
  nameTag: string,
): string {
  switch (field) {
    case 'name':
      return nameOf(node, nameTag) ?? '';
    case 'id':
      return node.instanceId;
    case 'region':
      return region;
    case 'profile':
      return profile;
    case 'fleet':
      return fleet ?? profile;
    case 'tag':
      return tagValue(node, key) ?? '';
    default:
      return field satisfies never;
  }
}

function nameOf(node: InventoryNode, tag: string): string | undefined {
  return tagValue(node, tag) ?? (node.isHybrid ? node.name : undefined);
}

/** Without dashes and dots at either end. */
export function trimEnds(text: string): string {
  return text.replace(/^[-.]+/, '').replace(/[-.]+$/, '');
}
