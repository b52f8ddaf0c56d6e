import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { awsConfigFile, awsCredentialsFile } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';

/** What is larger is no file of settings. */
const MAX_BYTES = 1024 * 1024;
const MAX_FILES = 200;

/**
 * Where a secret that was taken out of the credentials file still is in plain text: in other sections,
 * comments, the config file, backups beside them that editors and scripts have made.
 *
 * @returns `PATH line N`
 */
export function plainCopies(secret: string, env: Environment): string[] {
  const files = [awsCredentialsFile(env), awsConfigFile(env)];
  const folders = new Set(files.map((file) => dirname(file)));
  const found = new Set(files);
  for (const folder of folders) {
    for (const name of namesIn(folder)) {
      // In a folder of many other things, those named after the two files.
      const isNear =
        basename(folder) === '.aws' || files.some((file) => name.includes(basename(file)));
      if (isNear) found.add(join(folder, name));
    }
  }
  return [...found].flatMap((file) => linesWith(secret, file));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).slice(0, MAX_FILES);
  } catch {
    return [];
  }
}

function linesWith(secret: string, file: string): string[] {
  try {
    const stats = statSync(file);
    if (!stats.isFile() || stats.size > MAX_BYTES) return [];
    const lines = readFileSync(file, 'latin1').split('\n');
    return lines.flatMap((line, index) =>
      line.includes(secret) ? [`${file} line ${index + 1}`] : [],
    );
  } catch {
    return [];
  }
}
