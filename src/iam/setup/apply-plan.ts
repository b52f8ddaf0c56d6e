import { setTimeout as sleep } from 'node:timers/promises';
import { deleteAccessKey } from '../../aws/access-keys.ts';
import { change, readUser } from '../../aws/iam-administration.ts';
import type { Change } from '../../aws/iam-administration.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { untilConsistent } from '../../aws/iam-calls.ts';
import { deactivateDevice, deleteVirtualDevice } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import { MADE_TAG } from './setup-plan.ts';
import type { SetupPlan, SetupStep } from './setup-plan.ts';
import { makeUserKey } from './user-key.ts';
import type { UserKeyWorld } from './user-key.ts';

export interface ApplyWorld extends UserKeyWorld {
  /** Told of each step that is done. */
  done: (step: SetupStep, keyPlace: string | undefined) => void;
  wait?: (ms: number) => Promise<unknown>;
}

/**
 * Makes the steps of a plan, one after the other. What was made a moment ago may not be known everywhere
 * yet, which is waited for. What is there already, or gone already, is no error: the answer to an earlier
 * try may have been lost.
 *
 * @throws DevaccessError of the step that failed; those before it are done, and a new plan has the rest
 */
export async function applyPlan(
  { steps }: SetupPlan,
  client: ClientOptions,
  world: ApplyWorld,
): Promise<void> {
  const { done, wait = sleep } = world;
  const isFresh = steps.some(({ change: { operation } }) => /^Create(User|Group)$/.test(operation));
  for (const step of steps) {
    const { change: asked } = step;
    const passing: ErrorCode[] = [
      'DA_IAM_BUSY',
      ...(isFresh ? (['DA_IAM_NOT_FOUND'] as const) : []),
      // It was taken from its user a moment ago.
      ...(asked.operation === 'DeleteVirtualMFADevice' ? (['DA_IAM_IN_USE'] as const) : []),
    ];
    let place: string | undefined;
    const work = async (): Promise<void> => {
      switch (asked.operation) {
        case 'CreateAccessKey':
          place = await makeUserKey(asked.UserName, client, world);
          return;
        case 'DeleteAccessKey':
          return deleteAccessKey(client, {
            userName: asked.UserName,
            accessKeyId: asked.AccessKeyId,
          });
        case 'DeactivateMFADevice':
          return deactivateDevice(client, {
            userName: asked.UserName,
            serialNumber: asked.SerialNumber,
          });
        case 'DeleteVirtualMFADevice':
          return deleteVirtualDevice(client, asked.SerialNumber);
        default:
          return change(client, asked);
      }
    };
    await untilConsistent(work, passing, wait).catch(async (error: unknown) => {
      if (!(error instanceof DevaccessError)) throw error;
      if (await isDone(asked, error, client)) return;
      throw new DevaccessError(error.code, `Could not ${step.text}: ${error.message}`, {
        next: `${error.next ?? 'see the message of AWS'}; then run it again: what is done stays, and the rest follows`,
        exitCode: error.exitCode,
        cause: error,
      });
    });
    done(step, place);
  }
}

/** What an earlier try has done, whose answer did not arrive. */
async function isDone(
  asked: SetupStep['change'],
  { code }: DevaccessError,
  client: ClientOptions,
): Promise<boolean> {
  if (code === 'DA_IAM_NOT_FOUND') return /^(Delete|Remove|Deactivate)/.test(asked.operation);
  if (code !== 'DA_IAM_EXISTS') return false;
  if (asked.operation === 'CreateGroup') return true;
  return asked.operation === 'CreateUser' && isMadeHere(asked, client);
}

/** Another one of that name is not to be taken for it. */
async function isMadeHere(
  { UserName, Tags }: Extract<Change, { operation: 'CreateUser' }>,
  client: ClientOptions,
): Promise<boolean> {
  const made = Tags.find(({ Key }) => Key === MADE_TAG)?.Value;
  return made !== undefined && (await readUser(client, UserName))?.tags.get(MADE_TAG) === made;
}
