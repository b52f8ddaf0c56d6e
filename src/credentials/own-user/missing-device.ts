/** The MFA device that a long-term key is without in the AWS files: found in IAM, and written down. */
import { CREDENTIALS_EDIT, readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { editSection } from '../../aws/files/ini-edit.ts';
import { listMfaDevices } from '../../aws/own-user.ts';
import { DevaccessError } from '../../platform/errors.ts';
import { awsCredentialsFile, envValue } from '../../platform/paths.ts';
import { editFile } from '../../platform/safe-file.ts';
import type { EditResult } from '../../platform/safe-file.ts';
import { chooseDevice, longTermName } from '../mfa-choices.ts';
import { plainSetting, profileSettings, readAwsFiles } from '../profiles.ts';
import type { KeyWorld } from '../stored-keys/key-places.ts';
import { userAccess } from './user-access.ts';

export interface MissingDevice {
  /** Of the long-term key. */
  section: string;
  user: string | undefined;
  /** Those that `devaccess mfa` can use. */
  devices: readonly string[];
  /** Why nobody could be asked for them. */
  error: DevaccessError | undefined;
}

/** Undefined where a profile has no long-term key of its own, or a device already. */
export async function missingDevice(
  profile: string,
  world: KeyWorld & { now: () => number },
): Promise<MissingDevice | undefined> {
  const { env } = world;
  const section = longTermName(profile, undefined);
  if (sectionValues(readCredentialsFile(env), section) === undefined) return undefined;
  const settings = profileSettings(readAwsFiles(env), section);
  const device =
    envValue(env, 'MFA_DEVICE') ??
    plainSetting(settings, 'aws_mfa_device') ??
    plainSetting(settings, 'mfa_serial');
  if (device !== undefined) return undefined;
  try {
    const { client, user } = await userAccess({ profile, longTermSuffix: undefined }, world);
    const all = await listMfaDevices(client, user.name);
    const devices = all.filter((serial) => !serial.includes(':u2f/'));
    return { section, user: user.name, devices, error: undefined };
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    return { section, user: undefined, devices: [], error };
  }
}

/** @throws DevaccessError DA_USAGE for one that STS cannot take */
export function checkDevice(device: string): string {
  return chooseDevice(device, {}, new Map(), '');
}

/**
 * Writes the device into the section of the key.
 *
 * @throws DevaccessError DA_USAGE and those of editing the file
 */
export function keepDevice(
  section: string,
  device: string,
  env: KeyWorld['env'],
): Promise<EditResult> {
  const changes = { aws_mfa_device: checkDevice(device) };
  const edit = (text: string): string => editSection(text, section, changes);
  return editFile(awsCredentialsFile(env), edit, CREDENTIALS_EDIT);
}
