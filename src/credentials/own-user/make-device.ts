/** A new virtual device: under a name that is free, or in the place of another device. */
import { setTimeout as sleep } from 'node:timers/promises';
import { untilConsistent } from '../../aws/iam-calls.ts';
import { createVirtualDevice, deleteVirtualDevice } from '../../aws/own-user.ts';
import type { NewDevice } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { MAX_DEVICES, nameOf, removeDevice, requireLastingSession } from './replace-device.ts';
import type { Replacement } from './replace-device.ts';
import type { UserAccess } from './user-access.ts';

/** Whom it asks and tells. */
export interface MakingWorld {
  now: () => number;
  wait?: (ms: number) => Promise<unknown>;
  say: (text: string) => void;
  /** @throws DevaccessError DA_CANCELLED for no */
  confirm: (message: string) => Promise<void>;
}

function refuseTaken(name: string, listed: readonly string[] = [], { user }: UserAccess): void {
  if (listed.some((serial) => serial.includes(':mfa/') && serial.endsWith(`/${name}`))) {
    throw new DevaccessError(
      'DA_MFA_DEVICE_TAKEN',
      `${user.name} has an MFA device ${name} already`,
      {
        next: `--replace puts another in its place; or give --name another one, as ${user.name}-2, which the policies must allow; where no device is at hand an administrator runs devaccess iam setup-user ${user.name} --reset-mfa`,
      },
    );
  }
  if (listed.length >= MAX_DEVICES) {
    throw new DevaccessError(
      'DA_IAM_LIMIT',
      `${user.name} has ${listed.length} MFA devices, which is the limit`,
      {
        next: 'deactivate one that is not used any more',
      },
    );
  }
}

export interface MadeDevice {
  device: NewDevice;
  replacedLeftover: boolean;
  /** The device in whose place it is, where that had to go first. */
  removedDevice: string | null;
}

/** @throws DevaccessError DA_MFA_DEVICE_TAKEN, DA_IAM_LIMIT, DA_ACCESS_DENIED, DA_CANCELLED */
export async function makeFree(
  name: string,
  listed: readonly string[] | undefined,
  access: UserAccess,
  world: MakingWorld,
): Promise<MadeDevice> {
  refuseTaken(name, listed, access);
  return { ...(await makeDevice(name, access, world)), removedDevice: null };
}

/**
 * The old device stays good until the new one is, where there can be two. Many policies allow a device of the
 * user's name alone: then the old one goes first, and the person is asked.
 *
 * @param asked the name that the person gave
 * @throws DevaccessError DA_NO_CREDENTIALS without a session that lasts, and those of `makeFree`
 */
export async function makeReplacement(
  { old, name, isOldFirst }: Replacement,
  asked: string | undefined,
  listed: readonly string[] | undefined,
  access: UserAccess,
  world: MakingWorld,
): Promise<MadeDevice> {
  let only = name;
  if (!isOldFirst) {
    try {
      return await makeFree(name, listed, access, world);
    } catch (error) {
      if (!hasCode(error, 'DA_ACCESS_DENIED') || asked !== undefined) throw error;
      only = nameOf(old) ?? access.user.name;
    }
  }
  try {
    // IAM looks at what is allowed before it looks at names: who may not make it loses no device.
    const device = await createVirtualDevice(access.client, only);
    return { device, replacedLeftover: false, removedDevice: null };
  } catch (error) {
    if (!hasCode(error, 'DA_IAM_EXISTS')) throw error;
  }
  requireLastingSession(access, world.now());
  await world.confirm(
    `There can be no second device beside ${old}, so it is taken away before the new one is there. ` +
      'Should you stop half-way, you have none until you enrol again. Go on?',
  );
  await removeDevice(old, access, world);
  return { ...(await makeDevice(only, access, world)), removedDevice: old };
}

async function makeDevice(
  name: string,
  { client, user }: UserAccess,
  world: MakingWorld,
): Promise<{ device: NewDevice; replacedLeftover: boolean }> {
  try {
    return { device: await createVirtualDevice(client, name), replacedLeftover: false };
  } catch (error) {
    if (!hasCode(error, 'DA_IAM_EXISTS')) throw error;
  }
  const serial = `arn:${user.partition}:iam::${user.account}:mfa/${name}`;
  const what = `A device ${name} was made before and is assigned to nobody, or to somebody else`;
  if (name === user.name) world.say(`${what}; one that nobody has is replaced`);
  // Under another name it may be what somebody else is enrolling at this moment.
  else await world.confirm(`${what}. Replace it, if nobody has it?`);
  try {
    await deleteVirtualDevice(client, serial);
  } catch (error) {
    if (hasCode(error, 'DA_IAM_IN_USE')) {
      throw new DevaccessError('DA_MFA_DEVICE_TAKEN', `The MFA device ${name} is in use`, {
        next: `give --name another one, as ${user.name}-2`,
        cause: error,
      });
    }
    if (!hasCode(error, 'DA_IAM_NOT_FOUND')) throw error;
  }
  const create = (): Promise<NewDevice> => createVirtualDevice(client, name);
  const device = await untilConsistent(create, ['DA_IAM_EXISTS'], world.wait ?? sleep);
  return { device, replacedLeftover: true };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof DevaccessError && error.code === code;
}
