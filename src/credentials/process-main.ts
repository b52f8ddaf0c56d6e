/**
 * Entry of its own for `devaccess credential-process`: the AWS CLI runs it for every command, so it
 * must start faster than the whole command line does.
 */
import { parseArgs } from 'node:util';
import { processAnswer } from '../aws/process-answer.ts';
import { COOL_DOWN_MS } from '../aws/renewal.ts';
import { DevaccessError, EXIT, errorLine, printable } from '../platform/errors.ts';
import { waitingFor } from './process-loop.ts';
import { freshCredentials } from './fresh-credentials.ts';
import { chooseProfile } from './profiles.ts';

/**
 * Prints the credentials of a profile as AWS SDKs expect them, or nothing and says why on stderr.
 *
 * @param argv what follows `credential-process`
 * @param mfaCommand `devaccess mfa` as program and first arguments
 * @returns the exit code; undefined, with nothing done, for arguments that are for the whole command
 */
export async function processMain(
  argv: string[],
  mfaCommand: readonly [string, ...string[]],
): Promise<number | undefined> {
  const asked = readProfile(argv);
  if (asked === null) return undefined;
  const { env } = process;
  const say = (text: string): void => {
    process.stderr.write(`devaccess: ${printable(text)}\n`);
  };
  try {
    const profile = chooseProfile(asked, env).name;
    // A process that ours starts for its source must know.
    Object.assign(env, waitingFor(profile, env));
    const credentials = await freshCredentials(
      { profile, region: undefined },
      { env, now: Date.now, say, mfaCommand, coolDownMs: COOL_DOWN_MS },
    );
    const answer = processAnswer(credentials, `profile ${credentials.profile}`);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return EXIT.done;
  } catch (error) {
    say(errorLine(error));
    return error instanceof DevaccessError ? error.exitCode : EXIT.failed;
  }
}

/** `--profile`, undefined without one; null for anything else. */
function readProfile(args: string[]): string | undefined | null {
  try {
    return parseArgs({ args, options: { profile: { type: 'string' } } }).values.profile;
  } catch {
    return null;
  }
}
