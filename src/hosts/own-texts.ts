import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTextFile } from '../platform/safe-file.ts';
import { segments } from './inline-texts.ts';
import { HOSTS_FILE_PATTERN, isHostsText } from './ssh-config-file.ts';
import { globCovers } from './ssh-files.ts';

/** A text that `hosts sync` wrote. */
export interface OwnText {
  name: string;
  /** A file below `config.d`, or between marks in the config itself. */
  place: 'file' | 'inline';
  text: string;
}

/**
 * Every text that `hosts sync` wrote, by name. A file of somebody else's is none, whatever it is
 * called; a config that cannot be read holds none.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING for one of our files
 */
export function readOwnTexts(sshDirectory: string): OwnText[] {
  const folder = join(sshDirectory, 'config.d');
  const files = listFolder(folder)
    .filter((name) => isOwnPath(sshDirectory, join(folder, name)))
    .map((name): OwnText => ({
      name,
      place: 'file',
      text: readTextFile(join(folder, name)) ?? '',
    }));
  const texts = [...files, ...inlineTexts(join(sshDirectory, 'config'))];
  return texts
    .filter(({ text }) => isHostsText(text))
    .sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}

/** Whether a path is one that only we write. */
export function isOwnPath(sshDirectory: string, path: string): boolean {
  return globCovers(join(sshDirectory, HOSTS_FILE_PATTERN), path);
}

function inlineTexts(path: string): OwnText[] {
  try {
    const config = readTextFile(path, { encoding: 'binary' }) ?? '';
    return segments(config, path).flatMap((segment) =>
      'name' in segment ? [{ name: segment.name, place: 'inline', text: segment.text }] : [],
    );
  } catch {
    // Said when it is to be written.
    return [];
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
