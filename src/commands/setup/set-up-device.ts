/** The question of `devaccess setup` about the MFA device of a long-term key that names none. */
import { askForSetup, ASK_PERSON } from '../../cli/prompts.ts';
import { checkDevice, missingDevice } from '../../credentials/own-user/missing-device.ts';
import type { MissingDevice } from '../../credentials/own-user/missing-device.ts';
import { DevaccessError } from '../../platform/errors.ts';
import type { Environment } from '../../platform/paths.ts';
import { choice, choose } from './setup-questions.ts';

/** The part of `devaccess setup --json` about it; null where there is nothing to do. */
export interface DeviceSetup {
  /** Of the AWS credentials file. */
  section: string;
  device: string;
}

interface DevicePlace {
  env: Environment;
  /** Whether nobody is to be asked. */
  isSure: boolean;
  say: (text: string) => void;
}

const LATER = 'later';

/**
 * Asks which device codes for the profile come from, where the section of its key does not say.
 *
 * @param wanted of the flag; `none` leaves it out
 * @throws DevaccessError DA_USAGE, DA_NO_TERMINAL (exit 3), DA_CANCELLED
 */
export async function askForDevice(
  profile: string,
  wanted: string | undefined,
  { env, isSure, say }: DevicePlace,
): Promise<DeviceSetup | null> {
  if (wanted === 'none') return null;
  if (wanted !== undefined) checkDevice(wanted);
  if (wanted === undefined && isSure) return null;
  const missing = await missingDevice(profile, { env, now: Date.now, ...ASK_PERSON });
  if (missing === undefined) {
    if (wanted !== undefined) say(`${profile} has an MFA device, or no long-term key: not changed`);
    return null;
  }
  const device = wanted ?? (await askDevice(missing, say));
  return device === undefined ? null : { section: missing.section, device };
}

async function askDevice(
  { section, user, devices, error }: MissingDevice,
  say: (text: string) => void,
): Promise<string | undefined> {
  if (error !== undefined) {
    say(`MFA devices could not be looked up: ${error.message}`);
    return typedDevice(section);
  }
  if (devices.length === 0) {
    say(`${user ?? ''} has no MFA device that gives codes; devaccess iam enroll-mfa makes one`);
    return undefined;
  }
  const answer = await choose(`MFA device of [${section}]:`, [
    ...devices.map((device) => choice(device, '')),
    choice(LATER, 'none is written'),
  ]);
  return answer === LATER ? undefined : answer;
}

async function typedDevice(section: string): Promise<string | undefined> {
  const message = `MFA device of [${section}], its ARN; Enter for none:`;
  const validate = (text: string): true | string => {
    try {
      if (text.trim() !== '') checkDevice(text.trim());
      return true;
    } catch (error) {
      if (error instanceof DevaccessError) return error.message;
      throw error;
    }
  };
  const answer = (await askForSetup({ message, validate }, 'devaccess setup')).trim();
  return answer === '' ? undefined : answer;
}
