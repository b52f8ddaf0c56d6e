/**
 * Entry of its own for `devaccess anywhere credential-process`: the AWS CLI runs it for every command,
 * so it must start faster than the whole command line does.
 */
import { processAnswer } from '../aws/process-answer.ts';
import { DevaccessError, EXIT, errorLine, printable } from '../platform/errors.ts';
import { readOptions } from './options.ts';
import { PersonNeeded, sessionCredentials } from './session-credentials.ts';
import type { CredentialWorld } from './session-credentials.ts';
import { sessionPlan } from './session-plan.ts';

/**
 * Prints the credentials of a machine's role as AWS SDKs expect them, or nothing and says why on
 * stderr.
 *
 * @param argv what follows `anywhere credential-process`
 * @param askPassphrase asks for the passphrase of a key
 * @returns the exit code; undefined, with nothing done, for what only the whole command line can do
 */
export async function processMain(
  argv: readonly string[],
  askPassphrase: CredentialWorld['askPassphrase'] = () => Promise.reject(new PersonNeeded()),
): Promise<number | undefined> {
  const given = readOptions(argv);
  if (given === undefined) return undefined;
  const { env } = process;
  const say = (text: string): void => {
    process.stderr.write(`devaccess: ${printable(text)}\n`);
  };
  try {
    const plan = await sessionPlan(given, env);
    const world = { env, now: Date.now, say, askPassphrase };
    const credentials = await sessionCredentials(plan, world);
    const accountId = plan.arns.roleArn.split(':')[4];
    const answer = processAnswer({ ...credentials, accountId }, plan.arns.roleArn);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    return EXIT.done;
  } catch (error) {
    if (error instanceof PersonNeeded) return undefined;
    say(errorLine(error));
    return error instanceof DevaccessError ? error.exitCode : EXIT.failed;
  }
}
