import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { nodeEnvironment } from '../agent/agent-node.ts';
import type { AgentNode } from '../agent/agent-node.ts';
import { killTree } from '../process/process-tree.ts';

export interface ScriptRequest {
  /** Lines of AWS-RunShellScript. */
  commands: readonly string[];
  /** Empty: the home directory. */
  workingDirectory: string;
  executionTimeoutS: number;
  /** The account's own document that it is of, with the values of its parameters. */
  document?: { readonly name: string; readonly parameters: Readonly<Record<string, string>> };
}

/** What the agent tells of a step. */
export interface ScriptResult {
  status: 'Success' | 'Failed' | 'TimedOut' | 'Cancelled';
  responseCode: number;
  stdout: string;
  stderr: string;
}

export interface RunningScript {
  /** Never rejects. */
  readonly finished: Promise<ScriptResult>;
  cancel(): void;
}

/** What the real agent sends of each stream, the note that there was more included. */
const MAX_STDOUT_BYTES = 24_000;
const MAX_STDERR_BYTES = 8_000;
const TRUNCATED = '--output truncated--';
/** Of a script that was stopped, by whomever. */
const STOPPED_CODE = 137;
/** A script asks with it to leave out the steps after it. */
const SKIP_REST_CODE = 168;

/**
 * Runs a script as the real agent's aws:runShellScript does, but as the sandbox's own user.
 *
 * @param environment what the agent tells the script of the node
 */
export function startShellScript(
  node: AgentNode,
  request: ScriptRequest,
  environment: Readonly<Record<string, string>> = {},
): RunningScript {
  const folder = mkdtempSync(join(tmpdir(), 'devaccess-script-'));
  const file = join(folder, '_script.sh');
  writeFileSync(file, `${request.commands.join('\n')}\n`, { mode: 0o700 });
  const child = spawn('sh', ['-c', file], {
    cwd: request.workingDirectory === '' ? node.homeDirectory : request.workingDirectory,
    env: { ...nodeEnvironment(node), ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = beginningOf(child.stdout, MAX_STDOUT_BYTES);
  const stderr = beginningOf(child.stderr, MAX_STDERR_BYTES);
  let stoppedBy: 'TimedOut' | 'Cancelled' | undefined;
  const stop = (reason: 'TimedOut' | 'Cancelled'): void => {
    stoppedBy ??= reason;
    if (child.pid !== undefined) killTree(child.pid);
  };
  const timer = setTimeout(() => stop('TimedOut'), request.executionTimeoutS * 1000);
  const finished = exitOf(child).then((exit): ScriptResult => {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
    return resultOf(exit, stoppedBy, stdout(), stderr());
  });
  return { finished, cancel: () => stop('Cancelled') };
}

type Exit = { code: number } | { error: Error };

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }));
    child.on('close', (code, signal) => {
      resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
    });
  });
}

function resultOf(
  exit: Exit,
  stoppedBy: 'TimedOut' | 'Cancelled' | undefined,
  stdout: string,
  stderr: string,
): ScriptResult {
  const said = { stdout, stderr };
  if (stoppedBy !== undefined) return { ...said, status: stoppedBy, responseCode: STOPPED_CODE };
  if ('error' in exit) {
    const why = `failed to run commands: ${exit.error.message}`;
    return { status: 'Failed', responseCode: 1, stdout, stderr: stderr + why };
  }
  switch (exit.code) {
    case 0:
      return { ...said, status: 'Success', responseCode: 0 };
    case STOPPED_CODE:
      // The real agent cannot tell who killed it.
      return { ...said, status: 'TimedOut', responseCode: STOPPED_CODE };
    case SKIP_REST_CODE:
      return {
        status: 'Success',
        responseCode: SKIP_REST_CODE,
        stdout: `${stdout}\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped.`,
        stderr,
      };
    default:
      return {
        status: 'Failed',
        responseCode: exit.code,
        stdout,
        stderr: `${stderr}failed to run commands: exit status ${exit.code}`,
      };
  }
}

/** Reads a stream to its end and keeps its beginning. */
function beginningOf(stream: Readable, limitBytes: number): () => string {
  const parts: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    if (length <= limitBytes) parts.push(chunk.subarray(0, limitBytes + 1 - length));
    length += chunk.length;
  });
  return () => {
    const bytes = Buffer.concat(parts);
    if (length <= limitBytes) return bytes.toString('utf8');
    return bytes.toString('utf8', 0, limitBytes - TRUNCATED.length) + TRUNCATED;
  };
}
