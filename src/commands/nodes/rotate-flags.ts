import { Flags } from '@oclif/core';
import { checkConsumerName, PUBLISHED_FOLDER } from '../../nodes/bridge/published-credentials.ts';
import { parseNodeTag } from '../../nodes/node-tag.ts';
import type { NodeTag } from '../../nodes/node-tag.ts';
import { checkSchedule } from '../../nodes/rotate/schedule.ts';
import { parseShare } from '../../nodes/rotate/share.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { ACCOUNT_FLAGS } from './node-flags.ts';

export const ROTATE_FLAGS = {
  tag: Flags.string({
    helpValue: 'K=V',
    summary: 'all nodes with the tag; given again, with all of them',
    multiple: true,
    default: [],
  }),
  name: Flags.string({ helpValue: 'NAME', required: true, summary: 'what it is published as' }),
  group: Flags.string({ helpValue: 'GROUP', summary: 'group of the nodes that may read it' }),
  dir: Flags.string({
    helpValue: 'FOLDER',
    default: PUBLISHED_FOLDER,
    summary: 'where nodes publish it',
  }),
  'role-arn': Flags.string({ helpValue: 'ARN', required: true, summary: 'role of the nodes' }),
  'external-id': Flags.string({ helpValue: 'ID', summary: 'that the role asks for' }),
  duration: Flags.integer({
    helpValue: 'SECONDS',
    default: 3600,
    min: 900,
    max: 43_200,
    summary: 'of the credentials; 3600 at most from a session',
  }),
  via: Flags.option({
    options: ['parameter', 'sealed'] as const,
    default: 'parameter' as const,
    summary: 'by the Parameter Store, or encrypted to each node',
  })(),
  'kms-key': Flags.string({ helpValue: 'KEY', summary: 'for the Parameter Store; a key of yours' }),
  keys: Flags.string({ helpValue: 'FILE', summary: 'lines of `nodes init`, for --via sealed' }),
  'max-concurrency': Flags.string({
    helpValue: 'N|N%',
    default: '10%',
    summary: 'nodes at the same time',
  }),
  'max-errors': Flags.string({
    helpValue: 'N|N%',
    default: '10%',
    summary: 'after more failures nothing is sent any more',
  }),
  'delivery-timeout': Flags.integer({
    helpValue: 'SECONDS',
    default: 600,
    min: 30,
    max: 172_800,
    summary: 'for a node to take the command',
  }),
  timeout: Flags.integer({
    helpValue: 'SECONDS',
    default: 120,
    min: 5,
    max: 3600,
    summary: 'for the script on a node',
  }),
  'update-document': Flags.boolean({
    default: false,
    summary: 'where our document is another one: make a new version of it',
  }),
  'put-only': Flags.boolean({
    default: false,
    summary: 'only put credentials into the Parameter Store, for nodes that fetch on a schedule',
  }),
  schedule: Flags.string({ helpValue: 'RATE', summary: "as 'rate(30 minutes)' or cron(…)" }),
  scheduler: Flags.option({
    options: ['association', 'eventbridge'] as const,
    default: 'association' as const,
    summary: 'State Manager, by which nodes fetch; or EventBridge, which runs this command',
  })(),
  format: Flags.option({
    options: ['cloudformation', 'terraform'] as const,
    summary: 'print the schedule as a template instead of making it',
  })(),
  ...ACCOUNT_FLAGS,
};

export interface RotateFlags {
  tag: string[];
  name: string;
  group: string | undefined;
  dir: string;
  'role-arn': string;
  'external-id': string | undefined;
  duration: number;
  via: 'parameter' | 'sealed';
  'kms-key': string | undefined;
  keys: string | undefined;
  'max-concurrency': string;
  'max-errors': string;
  'delivery-timeout': number;
  timeout: number;
  'update-document': boolean;
  'put-only': boolean;
  schedule: string | undefined;
  scheduler: 'association' | 'eventbridge';
  format: 'cloudformation' | 'terraform' | undefined;
  profile: string | undefined;
  region: string | undefined;
}

/** Flags that belong together, and of which each is of its form. */
export interface CheckedRotation {
  flags: RotateFlags;
  ids: string[];
  tags: NodeTag[];
  schedule: string | undefined;
  /** Parameters of the document that all nodes get. */
  parameters: Record<string, string>;
}

/** @throws DevaccessError DA_USAGE */
export function checkRotateFlags(flags: RotateFlags, argv: readonly string[]): CheckedRotation {
  const { name, group = '', dir, via, keys, schedule, scheduler, duration } = flags;
  const ids = [...new Set(argv)];
  const tags = flags.tag.map(parseNodeTag);
  const isAssociation = scheduler === 'association';
  checkConsumerName(name);
  requireThat(ids.length > 0 !== tags.length > 0, 'name nodes, or choose them by --tag, not both');
  requireThat(/^[A-Za-z0-9_.-]{0,32}$/.test(group), '--group is not the name of a group');
  requireThat(/^(\/[A-Za-z0-9_.-]+)+$/.test(dir), '--dir must be a plain absolute path');
  requireThat(
    /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(flags['role-arn']),
    '--role-arn is not the ARN of a role',
  );
  requireThat((via === 'sealed') === (keys !== undefined), '--via sealed and --keys go together');
  requireThat(
    via === 'parameter' ||
      (!flags['put-only'] && schedule === undefined && flags['kms-key'] === undefined),
    '--put-only, --kms-key and --schedule go with --via parameter',
  );
  requireThat(flags.format === undefined || schedule !== undefined, '--format needs --schedule');
  requireThat(
    schedule === undefined || isAssociation || flags.format !== undefined,
    '--scheduler eventbridge needs --format: a template brings what the rule runs',
  );
  parseShare('--max-concurrency', flags['max-concurrency'], 1);
  parseShare('--max-errors', flags['max-errors'], 0);
  if (schedule !== undefined) {
    checkSchedule(schedule, { durationSeconds: duration, isAssociation });
    requireThat(ids.length <= 50, 'a schedule names 50 nodes at most: choose them by --tag');
    requireThat(tags.length <= 5, 'a schedule takes 5 tags at most');
  }
  const parameters = { Name: name, Folder: dir, ...(group === '' ? {} : { Group: group }) };
  return { flags, ids, tags, schedule, parameters };
}

function requireThat(isSo: boolean, message: string): void {
  if (isSo) return;
  throw new DevaccessError('DA_USAGE', message, {
    next: 'see devaccess nodes rotate --help',
    exitCode: EXIT.usage,
  });
}
