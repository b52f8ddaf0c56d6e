import { setTimeout as sleep } from 'node:timers/promises';
import { untilConsistent } from '../../aws/iam-calls.ts';
import { deleteVirtualDevice, enableDevice, listMfaDevices } from '../../aws/own-user.ts';
import type { NewDevice } from '../../aws/own-user.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { awsCredentialsFile } from '../../platform/paths.ts';
import { checkEditable, editFile, readTextFile } from '../../platform/safe-file.ts';
import { CREDENTIALS_EDIT, readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { editSection } from '../../aws/files/ini-edit.ts';
import { plainSetting } from '../profiles.ts';
import type { KeyPlace, KeyWorld } from '../stored-keys/key-places.ts';
import { settleMoves } from '../stored-keys/key-transfer.ts';
import type { KeyQuery } from '../stored-keys/move-key.ts';
import { keepSeed, refusePlainSeed } from '../stored-keys/totp-login.ts';
import { makeFree, makeReplacement } from './make-device.ts';
import type { MakingWorld } from './make-device.ts';
import { planReplacement, removeReplaced } from './replace-device.ts';
import { userAccess } from './user-access.ts';
import type { UserAccess } from './user-access.ts';

export interface EnrolmentRequest extends KeyQuery {
  /** Of the device; else the user's. */
  name: string | undefined;
  /** Take the device away that the profile names, once it is not needed any more. */
  isReplacing: boolean;
  /** Keep the seed beside the key, so that devaccess computes the codes. */
  isSeedKept: boolean;
}

/** What `devaccess iam enroll-mfa --json` prints. Holds no secret. */
export interface EnrolmentResult {
  profile: string;
  section: string;
  action: 'enrolled';
  user: string;
  /** ARN. */
  device: string;
  /** A device that an earlier run had made and nobody used was replaced. */
  replacedLeftover: boolean;
  /** What the section named before. */
  formerDevice: string | null;
  /** The device that was taken away. */
  removedDevice: string | null;
  /** Where the seed is kept; null: only in the authenticator. */
  seedPlace: KeyPlace | null;
}

/** A seed for the person's authenticator; for their eyes alone. */
export interface ShownSeed {
  /** `NAME@ACCOUNT`, by the device's name, under which authenticators list it. */
  label: string;
  seed: string;
}

export interface EnrolmentWorld extends KeyWorld, MakingWorld {
  /** Shows the seed on the terminal device. */
  showSeed: (shown: ShownSeed) => Promise<void>;
  askCode: (question: {
    message: string;
    validate: (answer: string) => true | string;
  }) => Promise<string>;
}

const DEVICE_NAME = /^[\w+=,.@-]{1,128}$/;
const MAX_TRIES = 3;

/**
 * Makes a virtual MFA device for the user of a profile's long-term key, has the person scan its QR code
 * and give two codes, assigns it, and writes it into the profile. What is not assigned is deleted again.
 *
 * @throws DevaccessError DA_MFA_DEVICE_TAKEN, DA_MFA_DEVICE_UNUSABLE, DA_NOT_A_USER, DA_MFA_CODE_REFUSED,
 *   DA_IAM_LIMIT, DA_ACCESS_DENIED, DA_CANCELLED, DA_NO_TERMINAL and those of editing the file
 */
export async function enrollDevice(
  request: EnrolmentRequest,
  world: EnrolmentWorld,
): Promise<EnrolmentResult> {
  if (request.name !== undefined) checkDeviceName(request.name);
  for (const done of await settleMoves(world)) world.say(done);
  const access = await userAccess(request, world);
  const { section, spot } = access.key;
  if (request.isSeedKept && spot.place === 'plain') refusePlainSeed(section);
  const formerDevice = rehearse(section, world);
  const listed = await listedDevices(access, world);
  const replacement = request.isReplacing
    ? planReplacement({ name: request.name, formerDevice, listed }, access)
    : undefined;
  const made = await (replacement === undefined
    ? makeFree(request.name ?? access.user.name, listed, access, world)
    : makeReplacement(replacement, request.name, listed, access, world));
  const { device, replacedLeftover } = made;
  const { serialNumber } = device;
  await assign(device, access, world).catch((error: unknown) => {
    throw made.removedDevice === null ? error : halfReplaced(made.removedDevice, error);
  });
  const seedPlace = await keep(request, device, access, world);
  const isOldLeft = replacement !== undefined && made.removedDevice === null;
  if (isOldLeft) await removeReplaced(replacement.old, serialNumber, access, world);
  return {
    profile: request.profile,
    section,
    action: 'enrolled',
    user: access.user.name,
    device: serialNumber,
    replacedLeftover,
    formerDevice: formerDevice === serialNumber ? null : formerDevice,
    removedDevice: replacement?.old ?? null,
    seedPlace,
  };
}

/** @throws DevaccessError DA_MFA_DEVICE_UNUSABLE, DA_USAGE */
export function checkDeviceName(name: string): void {
  if (DEVICE_NAME.test(name)) return;
  if (name.includes(':u2f/')) {
    throw new DevaccessError(
      'DA_MFA_DEVICE_UNUSABLE',
      'A security key or passkey gives no codes, and STS takes nothing else: it serves the console alone',
      { next: 'leave --name out: a virtual device can be enrolled beside it' },
    );
  }
  throw new DevaccessError('DA_USAGE', `'${name}' cannot be the name of a virtual MFA device`, {
    next: 'give up to 128 letters, digits and + = , . @ _ -, as alice-phone',
    exitCode: EXIT.usage,
  });
}

/** Whatever can fail about the file fails before a device is made. @returns the device it names now */
function rehearse(section: string, { env }: EnrolmentWorld): string | null {
  const file = awsCredentialsFile(env);
  checkEditable(file, CREDENTIALS_EDIT);
  editSection(readTextFile(file) ?? '', section, { aws_mfa_device: 'rehearsal' });
  const values = sectionValues(readCredentialsFile(env), section);
  return plainSetting(values, 'aws_mfa_device') ?? plainSetting(values, 'mfa_serial') ?? null;
}

/** Undefined where the policies do not let the user see it. */
async function listedDevices(
  { client, user }: UserAccess,
  { say }: EnrolmentWorld,
): Promise<string[] | undefined> {
  try {
    const listed = await listMfaDevices(client, user.name);
    for (const serial of listed.filter((each) => each.includes(':u2f/'))) {
      say(`${serial} is a security key or passkey: it gives no codes, and STS takes nothing else`);
    }
    return listed;
  } catch (error) {
    const isDenied = error instanceof DevaccessError && error.code === 'DA_ACCESS_DENIED';
    if (!isDenied) throw error;
    say('the policies do not tell which MFA devices there are (iam:ListMFADevices)');
    return undefined;
  }
}

/** The old device is gone, which whatever went wrong afterwards does not say. */
function halfReplaced(old: string, error: unknown): unknown {
  if (!(error instanceof DevaccessError)) return error;
  const why = error.code === 'DA_CANCELLED' ? 'cancelled' : error.message;
  return new DevaccessError(
    error.code,
    `${old} has been taken away, and no other device is assigned: ${why}`,
    {
      next: 'run devaccess iam enroll-mfa again, while the session lasts',
      exitCode: error.exitCode,
      cause: error,
    },
  );
}

/** Two codes of the device assign it; where that does not come about, it is deleted. */
async function assign(device: NewDevice, access: UserAccess, world: EnrolmentWorld): Promise<void> {
  const { client, user } = access;
  const { serialNumber, seed } = device;
  try {
    const name = serialNumber.slice(serialNumber.lastIndexOf('/') + 1);
    await world.showSeed({ label: `${name}@${user.account}`, seed });
    for (let tries = 1; ; tries += 1) {
      const codes = await askCodes(tries > 1, world);
      const enable = (): Promise<void> =>
        enableDevice(client, { userName: user.name, serialNumber }, codes);
      try {
        await untilConsistent(enable, ['DA_IAM_NOT_FOUND', 'DA_IAM_BUSY'], world.wait ?? sleep);
        return;
      } catch (error) {
        if (!hasCode(error, 'DA_MFA_CODE_REFUSED') || tries >= MAX_TRIES) throw error;
      }
    }
  } catch (error) {
    if ((await discard(device, access, world)) === 'in use') return;
    throw error;
  }
}

async function askCodes(isAgain: boolean, { askCode }: EnrolmentWorld): Promise<[string, string]> {
  const isCode = (text: string): boolean => /^\s*\d{6}\s*$/.test(text);
  const again = isAgain ? 'AWS does not take these codes. ' : '';
  const first = await askCode({
    message: `${again}Code that the new device shows now:`,
    validate: (text) => isCode(text) || 'six digits, please',
  });
  const second = await askCode({
    message: 'The one that comes after it, within 30 seconds:',
    validate: (text) => {
      if (!isCode(text)) return 'six digits, please';
      return text.trim() !== first.trim() || 'wait until the device shows another one';
    },
  });
  return [first.trim(), second.trim()];
}

/** An answer that was lost on its way may have been a yes: then the device is in use. */
async function discard(
  { serialNumber }: NewDevice,
  { client }: UserAccess,
  { say }: EnrolmentWorld,
): Promise<'gone' | 'left' | 'in use'> {
  try {
    await deleteVirtualDevice(client, serialNumber);
    return 'gone';
  } catch (error) {
    if (hasCode(error, 'DA_IAM_IN_USE')) return 'in use';
    if (hasCode(error, 'DA_IAM_NOT_FOUND')) return 'gone';
    say(`${serialNumber} is left, assigned to nobody: the next run replaces it`);
    return 'left';
  }
}

/** From here on the user has the device: what fails says what is left to do. */
async function keep(
  { isSeedKept, ...query }: EnrolmentRequest,
  { serialNumber, seed }: NewDevice,
  { key }: UserAccess,
  world: EnrolmentWorld,
): Promise<KeyPlace | null> {
  const { section } = key;
  const changes = { aws_mfa_device: serialNumber };
  try {
    await editFile(
      awsCredentialsFile(world.env),
      (text) => editSection(text, section, changes),
      CREDENTIALS_EDIT,
    );
  } catch (error) {
    throw new DevaccessError(
      'DA_MFA_DEVICE_UNWRITTEN',
      `The device ${serialNumber} is enrolled, but [${section}] could not be told`,
      { next: `add aws_mfa_device = ${serialNumber} to it`, cause: error },
    );
  }
  return isSeedKept ? keepSeed(query, { seed, device: serialNumber }, world) : null;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof DevaccessError && error.code === code;
}
