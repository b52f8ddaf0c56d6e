import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import type { NodeApi } from '../node-api.ts';
import type { NodeTag } from '../node-tag.ts';
import type { PinnedDocument } from './pinned-document.ts';

/** Nodes that fetch by themselves, again and again. */
export interface AssociationRequest {
  document: PinnedDocument;
  name: string;
  schedule: string;
  targets: readonly ScheduleTarget[];
  parameters: Readonly<Record<string, string>>;
  maxConcurrency: string;
  maxErrors: string;
}

export interface ScheduleTarget {
  Key: string;
  Values: string[];
}

const UNIT_S: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: 86_400 };
const MIN_ASSOCIATION_S = 1_800;
/** What AWS gives where one role assumes another. */
const MAX_CHAINED_S = 3_600;

/**
 * Checks how often credentials are to be renewed: three times in their life, so that two may fail.
 *
 * @param schedule `rate(30 minutes)`, or `cron(…)`, of which that cannot be known
 * @throws DevaccessError DA_USAGE
 */
export function checkSchedule(
  schedule: string,
  { durationSeconds, isAssociation }: { durationSeconds: number; isAssociation: boolean },
): void {
  if (!isAssociation && durationSeconds > MAX_CHAINED_S) {
    throw usage(
      'CodeBuild has a session, and a role that is assumed from one has an hour at most',
      `give --duration ${MAX_CHAINED_S}, and a rate of 20 minutes or less`,
    );
  }
  if (/^cron\([^()]{9,100}\)$/.test(schedule)) return;
  const [, count = '', unit = ''] = /^rate\((\d{1,4}) (minute|hour|day)s?\)$/.exec(schedule) ?? [];
  const intervalS = Number(count) * (UNIT_S[unit] ?? 0);
  if (intervalS === 0) {
    throw usage(`'${printable(schedule)}' is no schedule`, 'write rate(30 minutes) or cron(…)');
  }
  if (isAssociation && intervalS < MIN_ASSOCIATION_S) {
    throw usage(
      'State Manager takes no rate below 30 minutes',
      'give rate(30 minutes) and --duration 5400, or --scheduler eventbridge',
    );
  }
  if (intervalS * 3 <= durationSeconds) return;
  const longer = `give --duration ${intervalS * 3} (a role that is assumed from a session has 3600 at most), or a shorter rate`;
  throw usage(
    `${schedule} is too seldom for credentials of ${durationSeconds} s: one that fails must not leave nodes without`,
    isAssociation ? longer : `give a rate of ${Math.floor(durationSeconds / 180)} minutes or less`,
  );
}

/** What the service chooses nodes by: the values of one key are alternatives, keys must all match. */
export function scheduleTargets(
  ids: readonly string[],
  tags: readonly NodeTag[],
): ScheduleTarget[] {
  if (ids.length > 0) return [{ Key: 'InstanceIds', Values: [...ids] }];
  return tags.map(({ key, value }) => ({ Key: `tag:${key}`, Values: [value] }));
}

/**
 * Makes the association that has nodes fetch on a schedule.
 *
 * @returns its id
 * @throws DevaccessError DA_SCHEDULE_EXISTS
 */
export async function createAssociation(
  api: NodeApi,
  request: AssociationRequest,
): Promise<string> {
  const { CreateAssociationCommand } = await import('../ssm-commands.ts');
  const { document, name, schedule, targets, parameters, maxConcurrency, maxErrors } = request;
  const { AssociationDescription } = await api.call(
    'CreateAssociation',
    (client) =>
      client.send(
        new CreateAssociationCommand({
          Name: document.name,
          DocumentVersion: document.version,
          AssociationName: `devaccess-credentials-${name}`,
          ScheduleExpression: schedule,
          Targets: [...targets],
          Parameters: Object.fromEntries(
            Object.entries(parameters).map(([key, value]) => [key, [value]]),
          ),
          MaxConcurrency: maxConcurrency,
          MaxErrors: maxErrors,
          ComplianceSeverity: 'HIGH',
        }),
      ),
    (error) =>
      error.name === 'AssociationAlreadyExists'
        ? new DevaccessError(
            'DA_SCHEDULE_EXISTS',
            `There is an association of ${document.name} with these nodes already`,
            {
              next: 'delete it (aws ssm delete-association) before you make another',
              cause: error,
            },
          )
        : undefined,
  );
  const id = AssociationDescription?.AssociationId;
  if (typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id)) return id;
  throw api.strange('CreateAssociation', 'without an association');
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}
