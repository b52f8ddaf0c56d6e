import { CREDENTIALS_EDIT, readCredentialsFile } from '../aws/files/credentials-file.ts';
import { parseIni, sectionValues, withoutComment } from '../aws/files/ini-document.ts';
import { editSection } from '../aws/files/ini-edit.ts';
import type { SectionChanges } from '../aws/files/ini-edit.ts';
import { formatExpiration } from '../aws/expiration.ts';
import { STORE_KEY } from '../aws/key-pointer.ts';
import type { TemporaryCredentials } from '../aws/temporary-credentials.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { awsCredentialsFile } from '../platform/paths.ts';
import type { Environment } from '../platform/paths.ts';
import { checkEditable, editFile } from '../platform/safe-file.ts';

/** What became of a profile. */
export interface WrittenProfile {
  profile: string;
  /** The file that was written. */
  file: string;
  outcome: 'created' | 'changed' | 'unchanged';
  /** ISO 8601. */
  expiration: string;
  /** What the person should know. */
  notices: string[];
}

/**
 * Makes sure, before anything is asked for, that a profile of the credentials file may be written.
 *
 * @throws DevaccessError DA_PROFILE_EXISTS for the section of a long-term key; DA_AWS_FILE_INVALID, DA_AWS_FILE_VALUE and those of `checkEditable`
 */
export function checkProfile(profile: string, env: Environment): void {
  const file = awsCredentialsFile(env);
  checkEditable(file, CREDENTIALS_EDIT);
  const { lines } = readCredentialsFile(env);
  changed(lines.join(''), profile, { expiration: formatExpiration(0) });
}

/**
 * Writes credentials to a profile of the credentials file, and leaves all else in it as it is.
 *
 * @throws DevaccessError those of `checkProfile` and `editFile`
 */
export async function writeProfile(
  profile: string,
  credentials: TemporaryCredentials,
  env: Environment,
): Promise<WrittenProfile> {
  const notices: string[] = [];
  const written = await editFile(
    awsCredentialsFile(env),
    (text) => {
      // It may run more than once.
      notices.splice(0, notices.length, ...noticesOn(text, profile));
      return changed(text, profile, credentialChanges(credentials));
    },
    CREDENTIALS_EDIT,
  );
  if (written.tightenedFrom !== undefined) {
    const former = written.tightenedFrom.toString(8).padStart(4, '0');
    notices.push(`${written.path} was readable by others (mode ${former}); it is 0600 now`);
  }
  const expiration = new Date(credentials.expirationMs).toISOString();
  return { profile, file: written.path, outcome: written.outcome, expiration, notices };
}

function credentialChanges(credentials: TemporaryCredentials): SectionChanges {
  const { accessKeyId, secretAccessKey, sessionToken, expirationMs } = credentials;
  return {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: sessionToken,
    // The AWS CLI would take an old one before the session token (1.11 of the credentials facts).
    aws_security_token: null,
    expiration: formatExpiration(expirationMs),
  };
}

function changed(text: string, profile: string, changes: SectionChanges): string {
  const values = sectionValues(parseIni(text), profile) ?? new Map<string, string>();
  const source = ['aws_mfa_device', 'mfa_serial', STORE_KEY].find((key) => values.has(key));
  if (source !== undefined || profile.endsWith('-long-term')) {
    throw refusedSection(
      `[${profile}] is the section of a long-term key that sessions are made from`,
      'give another --profile',
    );
  }
  if (holdsLongTermKey(values)) {
    // It may be the only copy: IAM shows a secret key once.
    throw refusedSection(
      `[${profile}] holds a long-term key, which would be lost`,
      `give another --profile, or rename the section first: [${profile}-old]`,
    );
  }
  return editSection(text, profile, changes);
}

function holdsLongTermKey(values: ReadonlyMap<string, string>): boolean {
  const given = (name: string): string => withoutComment(values.get(name) ?? '').trim();
  return given('aws_access_key_id').startsWith('AKIA') && given('aws_secret_access_key') !== '';
}

function refusedSection(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_PROFILE_EXISTS', message, { next, exitCode: EXIT.usage });
}

function noticesOn(text: string, profile: string): string[] {
  const values = sectionValues(parseIni(text), profile);
  return values?.has('credential_process') === true
    ? [`[${profile}] has a credential_process, which AWS tools do not run beside keys`]
    : [];
}
