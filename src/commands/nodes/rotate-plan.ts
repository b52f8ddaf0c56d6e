import { resolve } from 'node:path';
import { REAL_CLOCK } from '../../aws/run-command/poll-pace.ts';
import { chooseStsRegion } from '../../aws/region.ts';
import type { NodeAccess, NodeApi } from '../../nodes/node-api.ts';
import { commandDocument } from '../../nodes/rotate/command-document.ts';
import { parameterWay, sealedWay } from '../../nodes/rotate/delivery-ways.ts';
import type { NodeRole } from '../../nodes/rotate/delivery-ways.ts';
import { readTrustedKeys } from '../../nodes/rotate/node-keys.ts';
import { pinDocument } from '../../nodes/rotate/pinned-document.ts';
import type { RotationPlan } from '../../nodes/rotate/rotate-credentials.ts';
import { createAssociation, scheduleTargets } from '../../nodes/rotate/schedule.ts';
import { scheduleTemplate } from '../../nodes/rotate/schedule-template.ts';
import { parseShare } from '../../nodes/rotate/share.ts';
import { findTargets } from '../../nodes/rotate/targets.ts';
import { printable } from '../../platform/errors.ts';
import { shellWord } from '../../platform/shell-quote.ts';
import type { CheckedRotation } from './rotate-flags.ts';

interface RotationWorld {
  api: NodeApi;
  access: NodeAccess & { profile: string };
  stop: AbortSignal;
  notice: (text: string) => void;
}

/** All that a rotation needs; nothing is sent yet. */
export async function rotationOf(
  { flags, ids, tags, parameters }: CheckedRotation,
  { api, access, stop, notice }: RotationWorld,
): Promise<RotationPlan> {
  const keys = flags.keys === undefined ? undefined : readTrustedKeys(resolve(flags.keys));
  const nodes = await findTargets(api, { ids, tags }, Date.now());
  const document = flags['put-only']
    ? undefined
    : await pinDocument(api, commandDocument(flags.via), flags['update-document']);
  const role: NodeRole = {
    credentials: access.credentials,
    profile: access.namedProfile,
    caller: access.profile,
    region: chooseStsRegion(
      { flag: flags.region, env: process.env, profileRegion: access.region },
      flags['role-arn'],
    ),
    arn: flags['role-arn'],
    externalId: flags['external-id'],
    durationSeconds: flags.duration,
    now: Date.now,
  };
  const onLeft = (names: readonly string[]): void =>
    notice(
      `devaccess: could not be removed: ${names.join(', ')}; what is in them ends by itself, and the next rotation removes it`,
    );
  return {
    api,
    nodes,
    document,
    parameters,
    way:
      keys === undefined
        ? parameterWay(api, role, flags.name, {
            keyId: flags['kms-key'],
            isKept: flags['put-only'],
            onLeft,
          })
        : sealedWay(role, flags.name, keys),
    maxConcurrency: parseShare('--max-concurrency', flags['max-concurrency'], 1),
    maxErrors: parseShare('--max-errors', flags['max-errors'], 0),
    deliveryTimeoutS: flags['delivery-timeout'],
    executionTimeoutS: flags.timeout,
    clock: REAL_CLOCK,
    stop,
    onResult: ({ instanceId, status, detail }) => {
      if (status !== 'Success') notice(printable(`${instanceId}: ${status}: ${detail ?? ''}`));
    },
  };
}

/** Makes the association. @returns its id */
export async function scheduleOf(
  { flags, ids, tags, schedule = '', parameters }: CheckedRotation,
  api: NodeApi,
): Promise<string> {
  await findTargets(api, { ids, tags }, Date.now());
  const document = await pinDocument(api, commandDocument('parameter'), flags['update-document']);
  return createAssociation(api, {
    document,
    name: flags.name,
    schedule,
    targets: scheduleTargets(ids, tags),
    parameters,
    maxConcurrency: flags['max-concurrency'],
    maxErrors: flags['max-errors'],
  });
}

/** The schedule as a template. */
export function templateOf(
  { flags, ids, tags, schedule = '', parameters }: CheckedRotation,
  format: 'cloudformation' | 'terraform',
): string {
  return scheduleTemplate({
    scheduler: flags.scheduler,
    format,
    document: commandDocument('parameter'),
    name: flags.name,
    schedule,
    targets: scheduleTargets(ids, tags),
    parameters,
    maxConcurrency: flags['max-concurrency'],
    maxErrors: flags['max-errors'],
    roleArn: flags['role-arn'],
    kmsKey: flags['kms-key'],
    command: controllerCommand(flags, ids),
  });
}

function controllerCommand(flags: CheckedRotation['flags'], ids: readonly string[]): string {
  const { group, 'external-id': externalId, 'kms-key': key, region } = flags;
  const option = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`--${name}`, value];
  const words = [
    ...['devaccess', 'nodes', 'rotate', ...ids],
    ...flags.tag.flatMap((tag) => ['--tag', tag]),
    ...['--name', flags.name, '--dir', flags.dir, '--role-arn', flags['role-arn']],
    ...option('group', group),
    ...option('external-id', externalId),
    ...option('kms-key', key),
    ...option('region', region),
    ...['--duration', String(flags.duration)],
    ...['--max-concurrency', flags['max-concurrency'], '--max-errors', flags['max-errors']],
  ];
  return words.map(shellWord).join(' ');
}
