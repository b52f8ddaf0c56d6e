import type { AccessRequest } from './access-request.ts';
import type { ConditionBlock } from './policy-document.ts';

/** How statements choose nodes; a policy may have both of the first two. */
export type NodeChoice = 'TaggedNodes' | 'NamedNodes' | 'AllNodes';

/** The conditions that choose nodes: one for tags, one for those that are named. */
export function nodeConditions(
  { nodes }: Pick<AccessRequest, 'nodes'>,
  keys: 'ssm' | 'aws',
): { scope: NodeChoice; condition: ConditionBlock }[] {
  const choices: { scope: NodeChoice; condition: ConditionBlock }[] = [];
  if (nodes.tags.size > 0) {
    const prefix = keys === 'ssm' ? 'ssm:resourceTag' : 'aws:ResourceTag';
    const tags = [...nodes.tags].map(
      ([key, values]) => [`${prefix}/${key}`, values.map(literalText)] as const,
    );
    choices.push({
      scope: 'TaggedNodes',
      condition: { StringEquals: Object.fromEntries(tags) },
    });
  }
  if (nodes.targets.length > 0) choices.push({ scope: 'NamedNodes', condition: {} });
  return choices.length > 0 ? choices : [{ scope: 'AllNodes', condition: {} }];
}

/** A value that means itself: what looks like a policy variable is none. `*` is no wildcard in StringEquals. */
function literalText(value: string): string {
  return value.replaceAll('${', '${$}{');
}

/** ARNs of the nodes: of EC2, and hybrid ones (`mi-…`), which are of Systems Manager. */
export function nodeArns(
  { nodes, place }: Pick<AccessRequest, 'nodes' | 'place'>,
  scope: NodeChoice,
): string[] {
  const ids = scope === 'NamedNodes' ? nodes.targets : ['i-*', 'mi-*'];
  return place.regions.flatMap((region) =>
    ids.map((id) => {
      const service = id.startsWith('mi-') ? 'ssm' : 'ec2';
      const kind = service === 'ssm' ? 'managed-instance' : 'instance';
      const name = scope === 'NamedNodes' ? id : '*';
      return `arn:${place.partition}:${service}:${region}:${place.account}:${kind}/${name}`;
    }),
  );
}

/** ARNs of Systems Manager in every region of the policy. */
export function regionalArns({ place }: Pick<AccessRequest, 'place'>, resource: string): string[] {
  return place.regions.map(
    (region) => `arn:${place.partition}:ssm:${region}:${place.account}:${resource}`,
  );
}

/**
 * That the caller gave an MFA code not long ago. An Allow takes the plain operators: where the keys
 * are absent, as with long-term access keys, nothing is allowed. Of a role it is the trust policy
 * that asks: its sessions carry no MFA.
 */
export function mfaCondition({
  kind,
  mfaAgeS,
}: Pick<AccessRequest, 'kind' | 'mfaAgeS'>): ConditionBlock {
  if (kind === 'role') return {};
  return recentMfa(mfaAgeS);
}

export function recentMfa(mfaAgeS: number): ConditionBlock {
  return {
    Bool: { 'aws:MultiFactorAuthPresent': 'true' },
    NumericLessThan: { 'aws:MultiFactorAuthAge': String(mfaAgeS) },
  };
}

/** For people, without a value of theirs: it may stand in a comment of any format. */
export function nodeWords({ nodes }: Pick<AccessRequest, 'nodes'>, scope: NodeChoice): string {
  switch (scope) {
    case 'TaggedNodes':
      return nodes.tags.size > 1 ? 'nodes with all the tags' : 'nodes with the tag';
    case 'NamedNodes':
      return 'the nodes that are named';
    case 'AllNodes':
      return 'every node of the account in these regions';
  }
}
