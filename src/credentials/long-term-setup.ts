import { DevaccessError, EXIT } from '../platform/errors.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { checkEditable, editFile, readTextFile } from '../platform/safe-file.ts';
import { CREDENTIALS_EDIT } from '../aws/files/credentials-file.ts';
import { parseIni } from '../aws/files/ini-document.ts';
import { editSection, refuseBroken } from '../aws/files/ini-edit.ts';
import { sectionNames } from './mfa-choices.ts';
import type { LongTermKey } from './mfa-choices.ts';

export interface LongTermSetup {
  /** Asked for when missing. */
  profile: string | undefined;
  longTermSuffix: string | undefined;
  shortTermSuffix: string | undefined;
}

/** What `devaccess mfa --setup --json` prints. Holds no secret. */
export interface LongTermSetupResult {
  profile: string;
  action: 'set-up';
  section: string;
  file: string;
}

export interface SetupQuestion {
  message: string;
  hidden?: boolean;
  /** True, or what is wrong with the answer. */
  validate: (answer: string) => true | string;
}

export interface SetupWorld {
  env: Environment;
  ask: (question: SetupQuestion) => Promise<string>;
}

/**
 * Asks for a long-term key and its MFA device and writes them to a new section (1.9 of the
 * credentials facts, which names no device and takes no suffix).
 *
 * @throws DevaccessError DA_PROFILE_EXISTS, DA_USAGE, DA_NO_TERMINAL, DA_CANCELLED and those of
 *   `editFile`
 */
export async function setUpLongTerm(
  asked: LongTermSetup,
  { env, ask }: SetupWorld,
): Promise<LongTermSetupResult> {
  const file = awsCredentialsFile(env);
  const present = parseIni(readTextFile(file) ?? '');
  refuseBroken(present, file);
  checkEditable(file, CREDENTIALS_EDIT);

  const profile = asked.profile ?? (await askProfile(ask));
  const section = sectionNames(profile, asked.longTermSuffix, asked.shortTermSuffix).longTerm;
  // Also refuses a name that cannot be written, before a secret is typed.
  checkNewSection(section, env);
  const { accessKeyId, secretAccessKey, device } = await askLongTermKey(ask);
  const values = {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    ...(device === undefined ? {} : { aws_mfa_device: device }),
  };
  await editFile(file, (text) => newSection(text, section, values, file), CREDENTIALS_EDIT);
  return { profile, action: 'set-up', section, file };
}

export async function askProfile(ask: SetupWorld['ask']): Promise<string> {
  const answer = await ask({ message: 'Profile (empty for default):', validate: () => true });
  return answer.trim() === '' ? 'default' : answer.trim();
}

/** Asks for a key and its MFA device; undefined for none. @throws DevaccessError as the prompt does */
export async function askLongTermKey(
  ask: SetupWorld['ask'],
): Promise<LongTermKey & { device: string | undefined }> {
  const accessKeyId = await ask({
    message: 'Access key id (AKIA…):',
    validate: (text) =>
      /^\s*\w{16,128}\s*$/.test(text) || 'an access key id is 20 letters and digits',
  });
  const secretAccessKey = await ask({
    message: 'Secret access key:',
    hidden: true,
    validate: (text) => /^\s*[\x21-\x7e]+\s*$/.test(text) || 'a secret key is one word',
  });
  const device = await ask({
    message: 'MFA device (arn:aws:iam::ACCOUNT:mfa/NAME; empty for none yet):',
    validate: (text) =>
      /^\s*([\w+=/:,.@-]{9,256})?\s*$/.test(text) || 'give its ARN or serial number',
  });
  return {
    accessKeyId: accessKeyId.trim(),
    secretAccessKey: secretAccessKey.trim(),
    device: device.trim() === '' ? undefined : device.trim(),
  };
}

/** @throws DevaccessError DA_PROFILE_EXISTS, DA_AWS_FILE_VALUE for a name that cannot be written */
export function checkNewSection(section: string, env: Environment): void {
  const file = awsCredentialsFile(env);
  newSection(readTextFile(file) ?? '', section, { aws_access_key_id: 'x' }, file);
}

function newSection(
  text: string,
  section: string,
  values: Readonly<Record<string, string>>,
  file: string,
): string {
  if (!parseIni(text).sections.some(({ name }) => name === section)) {
    return editSection(text, section, values);
  }
  throw sectionExists(file, section, false);
}

/** @param isPlain it has a key, in plain text */
export function sectionExists(file: string, section: string, isPlain: boolean): DevaccessError {
  return new DevaccessError('DA_PROFILE_EXISTS', `${file} has a section [${section}] already`, {
    next: isPlain
      ? 'give --store keychain or --store file to have its key moved there'
      : 'give --profile another name, or edit the section',
    exitCode: EXIT.usage,
  });
}
