import { join } from 'node:path';
import { homeDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { parseIni } from '../../aws/files/ini-document.ts';
import { inspectFile } from '../checkup/inspect-file.ts';
import type { InspectedFile } from '../checkup/inspect-file.ts';
import type { BotocoreFiles } from './botocore-reading.ts';
import { readJavaScriptFiles } from './javascript-reading.ts';
import type { ReadFiles } from './tool-views.ts';

/** Reads the two files in the way of each tool. @param files as devaccess found them */
export async function readAsTools(
  files: { credentials: InspectedFile; config: InspectedFile },
  env: Environment,
): Promise<ReadFiles> {
  const { credentials, config } = files;
  return {
    own: { credentials: parseIni(credentials.text), config: parseIni(config.text) },
    botocore: {
      credentials: asBotocore(env['AWS_SHARED_CREDENTIALS_FILE'], credentials, env),
      config: asBotocore(env['AWS_CONFIG_FILE'], config, env),
    },
    // The SDK's reader would wait for a pipe.
    javaScript: await readJavaScriptFiles(
      credentials.isRead || credentials.refused !== undefined ? credentials.path : '/dev/null',
      config.isRead || config.refused !== undefined ? config.path : '/dev/null',
    ),
  };
}

/** Botocore expands variables and `~` in the name of a file; all others leave the former alone. */
function asBotocore(
  named: string | undefined,
  own: InspectedFile,
  env: Environment,
): BotocoreFiles['config'] {
  const path = named === undefined ? own.path : expanded(named, env);
  const { refused, text } = path === own.path ? own : inspectFile(path, false);
  return refused === undefined ? parseIni(text) : { refused };
}

function expanded(path: string, env: Environment): string {
  const filled = path.replaceAll(
    /\$(?:(\w+)|\{([^}]*)\})/g,
    (whole, plain?: string, braced?: string) => env[plain ?? braced ?? ''] ?? whole,
  );
  return /^~(\/|$)/.test(filled) ? join(homeDirectory(env), filled.slice(1)) : filled;
}
