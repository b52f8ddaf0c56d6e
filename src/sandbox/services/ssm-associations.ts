import { randomUUID } from 'node:crypto';
import type { SandboxAccount } from '../account.ts';
import type { AccessControl } from '../iam/access-control.ts';
import type { JsonOperation } from '../http/json-protocol.ts';
import type { Call } from '../http/service.ts';
import { ServiceError } from '../service-error.ts';
import type { OwnDocument } from './ssm-own-documents.ts';
import { versionOf } from './ssm-own-documents.ts';

/** A State Manager association. It is kept, not run. */
export interface Association {
  readonly associationId: string;
  readonly region: string;
  readonly createdAtMs: number;
  readonly members: Readonly<Record<string, unknown>>;
}

interface AssociationOptions {
  account: SandboxAccount;
  access: AccessControl;
  now: () => number;
  commandDocuments: readonly OwnDocument[];
  associations: Association[];
}

/** Rates that State Manager takes begin at half an hour. */
const MIN_RATE_MINUTES = 30;
const UNIT_MINUTES: Readonly<Record<string, number>> = { minute: 1, hour: 60, day: 1440 };

/** CreateAssociation, DescribeAssociation and DeleteAssociation. */
export function associationOperations(options: AssociationOptions): Record<string, JsonOperation> {
  const { account, access, associations, commandDocuments, now } = options;
  const arn = ({ region }: Call, id: string): string =>
    `arn:aws:ssm:${region}:${account.accountId}:association/${id}`;
  const find = (call: Call, id: string | undefined): Association => {
    const found = associations.find(
      (each) => each.associationId === id && each.region === call.region,
    );
    if (found === undefined) throw new ServiceError('AssociationDoesNotExist', '');
    return found;
  };
  const describe = ({ associationId, createdAtMs, members }: Association) => ({
    AssociationDescription: {
      ...members,
      AssociationId: associationId,
      AssociationVersion: '1',
      Date: createdAtMs / 1000,
      Overview: { Status: 'Pending' },
    },
  });
  return {
    CreateAssociation: (input, call) => {
      const name = input.requiredText('Name', { pattern: /^[a-zA-Z0-9_\-.:/]{3,128}$/ });
      const documentVersion = input.text('DocumentVersion');
      const schedule = input.text('ScheduleExpression', { min: 1, max: 256 });
      const associationName = input.text('AssociationName', {
        pattern: /^[a-zA-Z0-9_\-.]{3,128}$/,
      });
      const targets = (input.structures('Targets', { min: 0, max: 5 }) ?? []).map((target) => ({
        Key: target.requiredText('Key', { min: 1, max: 163 }),
        Values: target.texts('Values', { min: 0, max: 50 }) ?? [],
      }));
      const parameters = Object.fromEntries(input.textListMap('Parameters'));
      const rates = ['MaxConcurrency', 'MaxErrors', 'ComplianceSeverity'].map(
        (member) => [member, input.text(member)] as const,
      );
      input.check();
      const documentArn = `arn:aws:ssm:${call.region}:${account.accountId}:document/${name}`;
      for (const resource of [arn(call, '*'), documentArn]) {
        access.require(call, { action: 'ssm:CreateAssociation', resource });
      }
      const document = commandDocuments.find(
        (each) => each.name === name && each.region === call.region,
      );
      if (document === undefined) throw new ServiceError('InvalidDocument', '');
      versionOf(document, documentVersion);
      if (schedule !== undefined) checkSchedule(schedule);
      if (targets.length === 0) throw new ServiceError('InvalidTarget', '');
      const isTwice = associations.some(
        ({ members, region }) =>
          region === call.region &&
          members['Name'] === name &&
          JSON.stringify(members['Targets']) === JSON.stringify(targets),
      );
      if (isTwice) throw new ServiceError('AssociationAlreadyExists', '');
      const association = {
        associationId: randomUUID(),
        region: call.region,
        createdAtMs: now(),
        members: {
          Name: name,
          DocumentVersion: documentVersion ?? '$DEFAULT',
          Targets: targets,
          Parameters: parameters,
          ...(schedule === undefined ? {} : { ScheduleExpression: schedule }),
          ...(associationName === undefined ? {} : { AssociationName: associationName }),
          ...Object.fromEntries(rates.filter(([, value]) => value !== undefined)),
        },
      };
      associations.push(association);
      return describe(association);
    },
    DescribeAssociation: (input, call) => {
      const id = input.text('AssociationId');
      input.check();
      access.require(call, { action: 'ssm:DescribeAssociation', resource: arn(call, id ?? '*') });
      return describe(find(call, id));
    },
    DeleteAssociation: (input, call) => {
      const id = input.text('AssociationId');
      input.check();
      access.require(call, { action: 'ssm:DeleteAssociation', resource: arn(call, id ?? '*') });
      associations.splice(associations.indexOf(find(call, id)), 1);
      return {};
    },
  };
}

/** @throws ServiceError InvalidSchedule */
function checkSchedule(schedule: string): void {
  if (/^cron\(.+\)$/.test(schedule)) return;
  const [, count = '', unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(schedule) ?? [];
  if (Number(count) * (UNIT_MINUTES[unit] ?? 0) >= MIN_RATE_MINUTES) return;
  throw new ServiceError('InvalidSchedule', '', 400, {
    Message: `The schedule ${schedule} is not valid; the least rate is ${MIN_RATE_MINUTES} minutes.`,
  });
}
