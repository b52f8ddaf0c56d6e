import * as v from 'valibot';
import { readTemplate, TEMPLATE_FORM } from '../platform/name-template.ts';
import { entrySettings } from './host-settings.ts';
import { userRules } from './user-rules.ts';
import { choice, flag, mapOf, oneOrMore, region, table, text, word } from './values.ts';

const BASTION = 'an instance id, tag:KEY=VALUE, or "none"' as const;

const bastion = text(BASTION, (value) =>
  /^(none|i-[0-9a-f]{8,17}|mi-[0-9a-f]{17}|tag:[^=\p{C}]+=\P{C}+)$/u.test(value),
);

const TAG_VALUES = 'a value, or a list of values of which one must fit; * and ? may be in them';

const tagKey = v.pipe(
  v.string(),
  v.check((key) => /^\P{C}{1,128}$/u.test(key), 'is not the key of a tag'),
);

/** Goes in front of every alias, or behind it. */
const affix = text(
  'letters, digits, dots, dashes and underscores, 32 at most',
  (value) => /^[A-Za-z0-9._-]{0,32}$/.test(value) && !/^[-.]/.test(value),
);
const suffix = text(
  'letters, digits, dots, dashes and underscores, 32 at most, the last no dot or dash',
  (value) => /^[A-Za-z0-9._-]{0,32}$/.test(value) && !/[-.]$/.test(value),
);

/** `[fleets.NAME]`: the servers of an account in one region or several. */
export const fleetSettings = v.pipe(
  table({
    profile: v.optional(word('the name of an AWS profile')),
    region: v.optional(region),
    regions: v.optional(oneOrMore(region, 'a list of AWS regions')),
    bastion: v.optional(bastion),
    route: v.optional(choice(['auto', 'direct', 'jump', 'remote-host'])),
    tags: v.optional(
      mapOf(
        tagKey,
        oneOrMore(
          text(TAG_VALUES, (value) => /^\P{C}{0,256}$/u.test(value)),
          TAG_VALUES,
        ),
      ),
    ),
    states: v.optional(
      oneOrMore(choice(['pending', 'running', 'stopping', 'stopped']), 'a list of instance states'),
    ),
    ...entrySettings,
    users: v.optional(userRules),
    'alias-tag': v.optional(text('the key of a tag', (value) => /^\P{C}{1,128}$/u.test(value))),
    'alias-template': v.optional(text(TEMPLATE_FORM, (value) => readTemplate(value) !== undefined)),
    'alias-case': v.optional(choice(['lower', 'keep'])),
    prefix: v.optional(affix),
    suffix: v.optional(suffix),
    all: v.optional(flag),
    'include-stopped': v.optional(flag),
    'windows-ssh': v.optional(flag),
  }),
  v.forward(
    v.check(
      (fleet) => fleet.region === undefined || fleet.regions === undefined,
      'is there beside region: give the one or the other',
    ),
    ['regions'],
  ),
  v.forward(
    v.check(
      ({ bastion: chosen, route }) =>
        chosen === undefined || chosen === 'none' || route !== 'direct',
      'is there with route = "direct", which uses none',
    ),
    ['bastion'],
  ),
  v.transform((fleet) => {
    const {
      region: one,
      regions = one === undefined ? undefined : [one],
      'identity-file': identityFile,
      'key-from': keyFrom,
      'control-master': controlMaster,
      'alias-tag': aliasTag,
      'alias-template': aliasTemplate,
      'alias-case': aliasCase,
      'include-stopped': includeStopped,
      'windows-ssh': windowsSsh,
      ...rest
    } = fleet;
    return {
      ...rest,
      regions: regions === undefined ? undefined : [...new Set(regions)],
      identityFile,
      keyFrom,
      controlMaster,
      aliasTag,
      aliasTemplate,
      aliasCase,
      includeStopped,
      windowsSsh,
    };
  }),
);

export type FleetSettings = v.InferOutput<typeof fleetSettings>;
