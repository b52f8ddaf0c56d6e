/** A device in the place of another: which one goes, when, and how the new one is called. */
import { setTimeout as sleep } from 'node:timers/promises';
import { untilConsistent } from '../../aws/iam-calls.ts';
import { deactivateDevice, deleteVirtualDevice } from '../../aws/own-user.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import type { UserAccess } from './user-access.ts';

/** Of a user. */
export const MAX_DEVICES = 8;

export interface Replacement {
  /** Serial number of the device that goes. */
  old: string;
  /** Of the new device. */
  name: string;
  /** The new one can be made only when the old one is gone. */
  isOldFirst: boolean;
}

/**
 * Which device is replaced: the one that the profile names, else the only one there is. The new one is made
 * beside it under a name of its own, unless the same name is asked for or the user has as many as may be.
 *
 * @param listed undefined where the policies do not tell
 * @returns undefined where there is none to be replaced
 * @throws DevaccessError DA_NO_MFA_DEVICE where it cannot be told which
 */
export function planReplacement(
  {
    name,
    formerDevice,
    listed,
  }: {
    name: string | undefined;
    formerDevice: string | null;
    listed: readonly string[] | undefined;
  },
  { user, key }: Pick<UserAccess, 'user' | 'key'>,
): Replacement | undefined {
  const usable = listed?.filter((serial) => !serial.includes(':u2f/'));
  if (usable?.length === 0) return undefined;
  const isThere = formerDevice !== null && usable?.includes(formerDevice) !== false;
  const old = isThere ? formerDevice : usable?.length === 1 ? usable[0] : undefined;
  if (old === undefined) {
    const which = usable === undefined ? '' : `: ${usable.join(', ')}`;
    throw new DevaccessError(
      'DA_NO_MFA_DEVICE',
      `It cannot be told which MFA device of ${user.name} is to be replaced${which}`,
      { next: `name it in [${key.section}] as aws_mfa_device` },
    );
  }
  const serialOf = (each: string): string =>
    `arn:${user.partition}:iam::${user.account}:mfa/${each}`;
  const taken = new Set([old, ...(listed ?? [])]);
  const free = freeName(user.name, (each) => taken.has(serialOf(each)));
  const isFull = (listed?.length ?? 0) >= MAX_DEVICES;
  const wanted = name ?? (isFull ? nameOf(old) : undefined) ?? free;
  return { old, name: wanted, isOldFirst: isFull || serialOf(wanted) === old };
}

/** Undefined for a device of another kind, which has a serial number alone. */
export function nameOf(serialNumber: string): string | undefined {
  return /:mfa\/(?:.*\/)?([^/]+)$/.exec(serialNumber)?.[1];
}

/** So that whoever is stopped half-way can enrol again with it, whatever the policies ask for. */
const LASTING_MS = 10 * 60_000;

/** @throws DevaccessError DA_NO_CREDENTIALS (exit 3) */
export function requireLastingSession({ mfaEndMs, key }: UserAccess, nowMs: number): void {
  if (mfaEndMs !== undefined && mfaEndMs - nowMs > LASTING_MS) return;
  throw new DevaccessError(
    'DA_NO_CREDENTIALS',
    `[${key.section}] has no MFA session that lasts, and without one nobody should be without a device`,
    {
      next: 'run devaccess mfa --force with the present device; without it, an administrator runs devaccess iam setup-user NAME --reset-mfa',
      exitCode: EXIT.needsPerson,
    },
  );
}

/** The user's own name, which policies want; else with a number. */
function freeName(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name;
  let number = 2;
  while (isTaken(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}

/** @throws DevaccessError DA_ACCESS_DENIED without MFA, where the policies ask for it */
export async function removeDevice(
  serialNumber: string,
  { client, user }: Pick<UserAccess, 'client' | 'user'>,
  { wait = sleep }: { wait?: (ms: number) => Promise<unknown> },
): Promise<void> {
  await unlessGone(() => deactivateDevice(client, { userName: user.name, serialNumber }));
  if (!serialNumber.includes(':mfa/')) return;
  // That it is nobody's any more is not seen everywhere at once.
  const remove = (): Promise<void> => deleteVirtualDevice(client, serialNumber);
  await unlessGone(() => untilConsistent(remove, ['DA_IAM_IN_USE', 'DA_IAM_BUSY'], wait));
}

/**
 * Takes the old device away once the new one counts.
 *
 * @throws DevaccessError DA_MFA_DEVICE_LEFT: the new device is good, and so is the old one still
 */
export async function removeReplaced(
  old: string,
  device: string,
  access: Pick<UserAccess, 'client' | 'user'>,
  world: { wait?: (ms: number) => Promise<unknown>; say: (text: string) => void },
): Promise<void> {
  try {
    await removeDevice(old, access, world);
  } catch (error) {
    throw new DevaccessError(
      'DA_MFA_DEVICE_LEFT',
      `${device} is enrolled and the profile names it, but ${old} could not be taken away and is still good`,
      {
        next: 'sign in with the new device (devaccess mfa --force), then deactivate the old one in IAM, or have an administrator do it',
        cause: error,
      },
    );
  }
  if (old.endsWith(`:mfa/${access.user.name}`)) {
    world.say(
      `the name ${access.user.name} is free: a policy that lets a device of that name be enrolled without MFA (FirstDevice) should go, or the device be enrolled under it again (--replace --name ${access.user.name})`,
    );
  }
}

async function unlessGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DevaccessError) || error.code !== 'DA_IAM_NOT_FOUND') throw error;
  }
}
