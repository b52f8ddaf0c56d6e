import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { SyncWorld } from '../../hosts/sync.ts';
import { stableNodePath } from '../../platform/node-path.ts';
import { sshDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';

/** Where entries go on this computer, and what they run. @param root of the installed package */
export function syncWorld(root: string, env: Environment): SyncWorld {
  return {
    sshDirectory: sshDirectory(env),
    loginHome: userInfo().homedir,
    program: {
      node: stableNodePath(process.execPath),
      script: join(root, 'bin', 'devaccess-proxy.js'),
    },
  };
}
