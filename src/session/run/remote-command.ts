/**
 * How the words behind `--` become what runs on a node (docs/run.md):
 *
 * - one word is a line for the node's shell, `sh`, as it is;
 * - several words are one program with its arguments, each exactly as given.
 */
import { DevaccessError, EXIT } from '../../platform/errors.ts';

/** What StartSession takes as one parameter. */
const MAX_PARAMETER_LENGTH = 65_535;

/**
 * The agent interrupts and kills only the program that it started. This one runs the line ($1) in a
 * process group of its own, where the node has setsid(1), and passes an interrupt on to all of it.
 */
const SUPERVISOR =
  'if command -v setsid >/dev/null 2>&1; then setsid sh -c "$1" & else sh -c "$1" & fi; p=$!; ' +
  "trap 'kill -s TERM -- -$p 2>/dev/null || kill -s TERM $p' INT QUIT TERM; wait $p";

/** The line for the node's shell. */
export function shellLine(words: readonly string[]): string {
  const [only = ''] = words;
  return words.length === 1 ? only : words.map(shellWord).join(' ');
}

/**
 * The parameter `command` of AWS-StartNonInteractiveCommand that runs a line in a shell: the agent
 * itself splits it into words and runs them without one (docs/protocol.md §6).
 *
 * @throws DevaccessError DA_USAGE when it is too long
 */
export function sessionCommand(line: string): string {
  const command = `sh -c ${agentWord(SUPERVISOR)} sh ${agentWord(line)}`;
  if (command.length <= MAX_PARAMETER_LENGTH) return command;
  throw new DevaccessError(
    'DA_USAGE',
    `The command is ${command.length - MAX_PARAMETER_LENGTH} characters too long.`,
    { next: 'copy a script to the host with devaccess cp and run that.', exitCode: EXIT.usage },
  );
}

/** A word that a shell takes as it is; bare where nothing in it means anything to a shell. */
function shellWord(word: string): string {
  return /^[\w@%+:,./-]+$/.test(word) ? word : quoted(word);
}

/** A word for the agent, which would look up `{{ssm:name}}` in the Parameter Store. */
function agentWord(word: string): string {
  return quoted(word).replaceAll(/\{(?=\{)/g, "{''");
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
