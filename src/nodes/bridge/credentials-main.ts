/**
 * Entry of its own for `devaccess nodes credentials`: SDKs run it whenever they need credentials, as
 * users who may read one file and nothing else.
 */
import { parseArgs } from 'node:util';
import { DevaccessError, EXIT, errorLine, printable } from '../../platform/errors.ts';
import { PUBLISHED_FOLDER, readPublished } from './published-credentials.ts';

/**
 * Prints the credentials that the bridge has published, as AWS SDKs expect them, or nothing and says
 * why on stderr.
 *
 * @param argv what follows `nodes credentials`
 * @returns the exit code; undefined, with nothing done, for arguments that are for the whole command
 */
export function processMain(argv: string[]): number | undefined {
  const asked = readArguments(argv);
  if (asked === undefined) return undefined;
  try {
    const { answer } = readPublished(asked.dir ?? PUBLISHED_FOLDER, asked.name, Date.now());
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return EXIT.done;
  } catch (error) {
    process.stderr.write(`devaccess: ${printable(errorLine(error))}\n`);
    return error instanceof DevaccessError ? error.exitCode : EXIT.failed;
  }
}

function readArguments(args: string[]): { name: string; dir: string | undefined } | undefined {
  try {
    const options = { name: { type: 'string' }, dir: { type: 'string' } } as const;
    const { name, dir } = parseArgs({ args, options }).values;
    return name === undefined ? undefined : { name, dir };
  } catch {
    return undefined;
  }
}
