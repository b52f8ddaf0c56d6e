/** What a script said, as ListCommandInvocations tells it: the beginning of both streams. */
export interface ScriptStreams {
  stdout: string;
  /** Without the agent's own remark behind it. */
  stderr: string;
}

/** What the agent sets between the streams; it leaves it out where the second is empty. */
const ERROR_TITLE = '\n----------ERROR-------\n';
/** The agent's remark where a script failed: what its status tells as well. */
const REMARK = /\n?failed to run commands: exit status \d+\s*$/;

/** What the service sets where there was more. */
const CUT = /^-+(Output|Error) truncated-+$/;

/** Takes the output of a plugin apart again. */
export function scriptStreams(output: string): ScriptStreams {
  const at = output.indexOf(ERROR_TITLE);
  if (at < 0) return { stdout: output, stderr: '' };
  const stderr = output.slice(at + ERROR_TITLE.length).replace(REMARK, '');
  return { stdout: output.slice(0, at), stderr };
}

/** The line that tells best what happened; empty where the script said nothing. Untrusted. */
export function lastWord({ stdout, stderr }: ScriptStreams): string {
  const lines = (text: string): string[] =>
    text.split('\n').filter((line) => line.trim() !== '' && !CUT.test(line));
  return (lines(stderr).at(-1) ?? lines(stdout).at(-1) ?? '').trim().slice(0, 200);
}
