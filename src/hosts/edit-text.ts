import { join } from 'node:path';
import { editFile } from '../platform/safe-file.ts';
import type { EditResult } from '../platform/safe-file.ts';
import { segments, withInlineTexts } from './inline-texts.ts';
import { refreshLookup } from './lookup/lookup-store.ts';
import { FOLDERS, readOwnTexts } from './own-texts.ts';
import { hostsFileLock, refuseForeign } from './ssh-config-file.ts';

/**
 * Changes a text that `hosts sync` wrote, where it lies.
 *
 * @param edit pure, from the present text to the wanted one
 * @throws DevaccessError DA_FOREIGN_FILE, DA_INLINE_BLOCK and those of `editFile`
 */
export async function editText(
  name: string,
  edit: (text: string) => string,
  sshDirectory: string,
): Promise<EditResult> {
  const own = readOwnTexts(sshDirectory).find((text) => text.name === name);
  if (own?.place === 'inline') {
    const path = join(sshDirectory, 'config');
    const changed = (config: string): string => {
      const now = segments(config, path).find((each) => 'name' in each && each.name === name);
      // One that has gone meanwhile does not come back.
      if (now === undefined || !('name' in now)) return config;
      return withInlineTexts(config, new Map([[name, edit(now.text)]]), { path, below: () => 0 });
    };
    return editFile(path, changed, { mode: 'keep', encoding: 'binary' });
  }
  const path = join(sshDirectory, FOLDERS[own?.place ?? 'file'], name);
  const result = await editFile(path, (text) => (refuseForeign(text, path), edit(text)), {
    lockPath: hostsFileLock(path),
  });
  if (own?.place === 'shelf') await refreshLookup(sshDirectory);
  return result;
}
