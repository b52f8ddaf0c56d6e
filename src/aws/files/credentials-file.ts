import { awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { readTextFile } from '../../platform/safe-file.ts';
import type { EditOptions } from '../../platform/safe-file.ts';
import { parseIni } from './ini-document.ts';
import type { IniDocument } from './ini-document.ts';

/** How the credentials file is edited. */
export const CREDENTIALS_EDIT: EditOptions = {
  advice: 'name an own file with AWS_SHARED_CREDENTIALS_FILE, or use a credential_process profile',
};

/** @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING */
export function readCredentialsFile(env: Environment): IniDocument {
  return parseIni(readTextFile(awsCredentialsFile(env)) ?? '');
}
