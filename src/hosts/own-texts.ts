import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readTextFile } from '../platform/safe-file.ts';
import { segments } from './inline-texts.ts';
import { HOSTS_FILE_PATTERN, isHostsText, LOOKUP_TEXT_NAME } from './ssh-config-file.ts';
import { globCovers } from './ssh-files.ts';

/**
 * A file below `config.d` that ssh reads; between marks in the config itself; or a file on the shelf,
 * whose entries ssh looks up (lookup/lookup-store.ts).
 */
export type TextPlace = 'file' | 'inline' | 'shelf';

/** Where files of a place lie, below `~/.ssh`. */
export const FOLDERS = { file: 'config.d', shelf: 'devaccess-hosts' } as const;

/** A text that `hosts sync` wrote. */
export interface OwnText {
  name: string;
  place: TextPlace;
  text: string;
}

/**
 * Every text that `hosts sync` wrote, by name. A file of somebody else's is none, whatever it is
 * called; a config that cannot be read holds none.
 *
 * @throws DevaccessError DA_FILE_NOT_READABLE, DA_FILE_ENCODING for one of our files
 */
export function readOwnTexts(sshDirectory: string): OwnText[] {
  const texts = [
    ...fileTexts(sshDirectory, 'file'),
    ...fileTexts(sshDirectory, 'shelf'),
    ...inlineTexts(join(sshDirectory, 'config')),
  ];
  return texts
    .filter(({ text }) => isHostsText(text))
    .sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}

const OWN_NAME = basename(HOSTS_FILE_PATTERN);

/** Whether a path is one that only we write. */
export function isOwnPath(sshDirectory: string, path: string): boolean {
  return globCovers(join(sshDirectory, HOSTS_FILE_PATTERN), path);
}

function fileTexts(sshDirectory: string, place: keyof typeof FOLDERS): OwnText[] {
  const folder = join(sshDirectory, FOLDERS[place]);
  return listFolder(folder)
    .filter((name) => name !== LOOKUP_TEXT_NAME && globCovers(OWN_NAME, name))
    .map((name): OwnText => ({ name, place, text: readTextFile(join(folder, name)) ?? '' }));
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
