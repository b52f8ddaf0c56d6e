import { Flags } from '@oclif/core';
import { FEATURES } from '../../iam/policy/features.ts';
import { FORMATS } from '../../iam/render/formats.ts';

/** Flags of `devaccess iam policy`. */
export const POLICY_FLAGS = {
  account: Flags.string({ helpValue: 'ID', summary: "account; else the profile's, by STS" }),
  region: Flags.string({
    helpValue: 'R',
    summary: "region; may be given again; else the profile's",
    multiple: true,
    default: [],
  }),
  profile: Flags.string({ helpValue: 'P', summary: 'profile; else AWS_PROFILE, default' }),
  for: Flags.option({
    options: FEATURES,
    summary: 'what the policy is for; may be given again; else ssh and forward',
    multiple: true,
    default: [],
  })(),
  documents: Flags.string({
    helpValue: 'NAME',
    summary: 'session documents; may be given again; without --for these alone',
    multiple: true,
  }),
  tag: Flags.string({
    helpValue: 'K=V',
    summary: 'nodes with the tag only: values of one key are alternatives, all keys must match',
    multiple: true,
  }),
  target: Flags.string({
    helpValue: 'ID',
    summary: 'these nodes, besides those with the tags; may be given again',
    multiple: true,
  }),
  user: Flags.boolean({ summary: 'for users, by a group (the default)', exclusive: ['role'] }),
  role: Flags.boolean({ summary: 'for a role: MFA is asked for in its trust policy' }),
  trust: Flags.string({
    helpValue: 'ARN',
    summary: 'user or account that may assume the role; else the account',
    multiple: true,
    dependsOn: ['role'],
  }),
  name: Flags.string({
    helpValue: 'NAME',
    summary: 'name of policy, group, role and profile',
    default: 'devaccess',
  }),
  'node-role': Flags.string({
    helpValue: 'ARN',
    summary: 'role whose credentials nodes get (rotate-nodes); may be given again',
    multiple: true,
    default: [],
  }),
  'kms-key': Flags.string({
    helpValue: 'ARN',
    summary: 'key that encrypts sessions, or parameters (rotate-nodes); may be given again',
    multiple: true,
    default: [],
  }),
  'os-user': Flags.string({
    helpValue: 'U',
    summary: 'the one user that keys may be pushed for (instance-connect)',
  }),
  'mfa-age': Flags.string({
    helpValue: 'TIME',
    summary: 'how long an MFA code counts, as 90m or 12h',
    default: '12h',
  }),
  strict: Flags.boolean({
    summary: "narrower where AWS's own samples are, and reports disagree whether it works",
  }),
  side: Flags.option({
    options: ['caller', 'instance'] as const,
    summary: 'the policy of people (the default), or of the servers they reach',
    exclusive: ['documents', 'os-user', 'role', 'strict', 'tag', 'target', 'user'],
  })(),
  managed: Flags.boolean({
    summary: 'for --side instance: AmazonSSMManagedInstanceCore, not a tighter policy',
    dependsOn: ['side'],
  }),
  format: Flags.option({
    options: FORMATS,
    summary: 'what to print; else json',
  })(),
  show: Flags.option({
    options: ['permissions', 'trust', 'assume'] as const,
    summary: 'which policy JSON is of: of a role, also who may assume it, and what they need',
  })(),
  part: Flags.integer({
    helpValue: 'N',
    summary: 'one of several policies, where it is too long for one',
    min: 1,
  }),
  explain: Flags.boolean({
    summary: 'print what each statement is for and what breaks without it',
  }),
  diff: Flags.string({
    helpValue: 'FILE',
    summary: 'review a policy (- for stdin): exit 1 where something critical or high is found',
    exclusive: ['format', 'explain', 'show', 'part', 'side'],
  }),
};
