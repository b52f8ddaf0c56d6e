import { resolve } from 'node:path';
import type { BridgePlan } from '../../nodes/bridge/bridge.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';

interface BridgeFlags {
  name: string;
  group: string | undefined;
  source: 'agent' | 'imds';
  'role-arn': string | undefined;
  'role-session-name': string | undefined;
  'external-id': string | undefined;
  duration: number;
  region: string | undefined;
  'allow-node-credentials': boolean;
  dir: string | undefined;
  'agent-state': string | undefined;
  'credentials-file': string | undefined;
  'credentials-profile': string | undefined;
}

/** @throws DevaccessError DA_USAGE, DA_NO_GROUP */
export async function bridgePlan(flags: BridgeFlags, env: Environment): Promise<BridgePlan> {
  const { agentPlaces } = await import('../../nodes/agent/agent-places.ts');
  const { findGroup } = await import('../../nodes/bridge/find-group.ts');
  const { checkConsumerName, PUBLISHED_FOLDER } =
    await import('../../nodes/bridge/published-credentials.ts');
  const { 'role-arn': arn, group, 'allow-node-credentials': isAllowed } = flags;
  if (arn === undefined && !isAllowed) {
    throw usage(
      "Without --role-arn the machine's own credentials would be published: who has them can act as the machine",
      'give --role-arn, or --allow-node-credentials where that is meant',
    );
  }
  if (arn !== undefined && !/^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(arn)) {
    throw usage('--role-arn is not the ARN of a role', 'as arn:aws:iam::123456789012:role/shop');
  }
  const sessionName = flags['role-session-name'];
  if (sessionName !== undefined && !/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    throw usage('--role-session-name cannot be one', 'use letters, digits and _+=,.@-');
  }
  const places = agentPlaces();
  const file = flags['credentials-file'];
  return {
    name: checkConsumerName(flags.name),
    folder: flags.dir === undefined ? PUBLISHED_FOLDER : resolve(flags.dir),
    gid: group === undefined ? undefined : findGroup(group),
    source:
      flags.source === 'imds'
        ? { kind: 'imds', env }
        : {
            kind: 'agent',
            stateFile: resolve(flags['agent-state'] ?? places.identityState),
            credentialsFile: file === undefined ? undefined : resolve(file),
            section: flags['credentials-profile'],
            usualFile: places.credentials,
          },
    role:
      arn === undefined
        ? undefined
        : {
            arn,
            sessionName,
            externalId: flags['external-id'],
            durationSeconds: flags.duration,
            region: flags.region,
          },
  };
}

/** The command again, for a unit of systemd; paths do not hang on where it was typed. */
export function bridgeWords(flags: BridgeFlags): string[] {
  const paths = ['dir', 'agent-state', 'credentials-file'] as const;
  const texts = ['group', 'role-arn', 'role-session-name', 'external-id', 'region'] as const;
  const option = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`--${name}`, value];
  return [
    ...['nodes', 'bridge', '--name', flags.name, '--source', flags.source],
    ...texts.flatMap((name) => option(name, flags[name])),
    ...(flags['role-arn'] === undefined ? [] : ['--duration', String(flags.duration)]),
    ...paths.flatMap((name) => option(name, flags[name] && resolve(flags[name]))),
    ...option('credentials-profile', flags['credentials-profile']),
    ...(flags['allow-node-credentials'] ? ['--allow-node-credentials'] : []),
  ];
}

/** What changes when the agent has new credentials. */
export async function watchedFile({ source }: BridgePlan): Promise<string | undefined> {
  if (source.kind !== 'agent') return undefined;
  if (source.credentialsFile !== undefined) return source.credentialsFile;
  const { readIdentityState } = await import('../../nodes/agent/agent-files.ts');
  const state = await readIdentityState(source.stateFile).catch(() => undefined);
  const { shareFile = '' } = state ?? {};
  return shareFile === '' ? source.usualFile : shareFile;
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
