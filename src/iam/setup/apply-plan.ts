import { setTimeout as sleep } from 'node:timers/promises';
import { createAccessKey, deleteAccessKey } from '../../aws/access-keys.ts';
import { change } from '../../aws/iam-administration.ts';
import type { ClientOptions } from '../../aws/client-settings.ts';
import { untilConsistent } from '../../aws/iam-calls.ts';
import { deactivateDevice, deleteVirtualDevice } from '../../aws/own-user.ts';
import type { NewKey } from '../../aws/access-keys.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { SetupPlan, SetupStep } from './setup-plan.ts';

export interface ApplyWorld {
  /** Told of each step that is done. */
  done: (step: SetupStep, keyPlace: string | undefined) => void;
  /** Keeps a new key where its user will get it. @returns where that is */
  handOver: (user: string, key: NewKey) => Promise<string>;
  wait?: (ms: number) => Promise<unknown>;
}

/**
 * Makes the steps of a plan, one after the other. What was made a moment ago may not be known everywhere
 * yet, which is waited for. A key that cannot be handed over is deleted.
 *
 * @throws DevaccessError of the step that failed; those before it are done, and a new plan has the rest
 */
export async function applyPlan(
  { steps }: SetupPlan,
  client: ClientOptions,
  { done, handOver, wait = sleep }: ApplyWorld,
): Promise<void> {
  const isFresh = steps.some(({ change: { operation } }) => /^Create(User|Group)$/.test(operation));
  const passing = isFresh
    ? (['DA_IAM_NOT_FOUND', 'DA_IAM_BUSY'] as const)
    : (['DA_IAM_BUSY'] as const);
  for (const step of steps) {
    const { change: asked } = step;
    let place: string | undefined;
    const work = async (): Promise<void> => {
      switch (asked.operation) {
        case 'CreateAccessKey':
          place = await newKey(asked.UserName, client, handOver);
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
    await untilConsistent(work, passing, wait).catch((error: unknown) => {
      if (!(error instanceof DevaccessError)) throw error;
      throw new DevaccessError(error.code, `Could not ${step.text}: ${error.message}`, {
        next: `${error.next ?? 'see the message of AWS'}; then run it again: what is done stays, and the rest follows`,
        exitCode: error.exitCode,
        cause: error,
      });
    });
    done(step, place);
  }
}

async function newKey(
  userName: string,
  client: ClientOptions,
  handOver: ApplyWorld['handOver'],
): Promise<string> {
  const key = await createAccessKey(client, userName);
  try {
    return await handOver(userName, key);
  } catch (error) {
    await deleteAccessKey(client, { userName, accessKeyId: key.accessKeyId });
    throw error;
  }
}
