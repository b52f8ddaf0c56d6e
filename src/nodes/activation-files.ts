import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { checkEditable, editFile } from '../platform/safe-file.ts';
import type { NewActivation } from './activations.ts';
import { installScript } from './install-script.ts';

/** Files of an activation, in a folder: all 0600, the code alone is secret. */
const FILES = {
  code: 'activation-code',
  linux: 'register-linux.sh',
  windows: 'register-windows.ps1',
} as const;

export interface ActivationFiles {
  code: string;
  linux: string;
  windows: string;
}

/**
 * The files an activation is going to be written to. AWS tells its code once: whether it can be kept
 * is found out before.
 *
 * @throws DevaccessError DA_FILE_EXISTS, DA_FILE_NOT_WRITABLE
 */
export function prepareActivationFiles(folder: string): ActivationFiles {
  const files = {
    code: join(folder, FILES.code),
    linux: join(folder, FILES.linux),
    windows: join(folder, FILES.windows),
  };
  for (const path of Object.values(files)) {
    if (existsSync(path)) throw fileExists(path);
    checkEditable(path);
  }
  return files;
}

/** @throws DevaccessError DA_FILE_EXISTS, DA_FILE_NOT_WRITABLE, DA_DISK_FULL */
export async function writeActivationFiles(
  files: ActivationFiles,
  { activationId, activationCode }: NewActivation,
  region: string,
): Promise<void> {
  await writeNew(files.code, `${activationCode}\n`);
  await writeNew(files.linux, installScript('linux', activationId, region));
  // PowerShell 5 and the Windows editors want CRLF.
  const script = installScript('windows', activationId, region);
  await writeNew(files.windows, script.replaceAll('\n', '\r\n'));
}

async function writeNew(path: string, text: string): Promise<void> {
  await editFile(path, (present) => {
    if (present !== '') throw fileExists(path);
    return text;
  });
}

function fileExists(path: string): DevaccessError {
  return new DevaccessError('DA_FILE_EXISTS', `${path} exists already`, {
    next: 'name another folder',
    exitCode: EXIT.usage,
  });
}
