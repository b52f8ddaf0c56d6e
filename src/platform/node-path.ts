import { realpathSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Node under a name that survives its next update: package managers keep a link at a fixed place
 * to a folder with the version in its name.
 *
 * @param execPath the Node that runs now
 */
export function stableNodePath(execPath: string): string {
  const folders = [
    '/usr/bin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
    '/home/linuxbrew/.linuxbrew/bin',
  ];
  const isThisNode = (path: string): boolean => {
    try {
      return realpathSync(path) === realpathSync(execPath);
    } catch {
      return false;
    }
  };
  return folders.map((folder) => join(folder, 'node')).find(isThisNode) ?? execPath;
}
