import { spawn } from 'node:child_process';
import type { Environment } from '../../platform/paths.ts';
import type { ReadKeys } from '../tools/tool-source.ts';

const MAX_OUTPUT_BYTES = 1024 * 1024;
/** By these a program could find somebody to ask. */
const WAYS_TO_ASK = ['DISPLAY', 'WAYLAND_DISPLAY', 'SSH_ASKPASS', 'DEVACCESS_ASKPASS'];

/** Keys a `credential_process` gave, or why it did not; never what it wrote, which may hold secrets. */
export type ProcessAnswer = { keys: ReadKeys } | { why: string };

/**
 * Runs a `credential_process` as SDKs do, but where it can ask nobody: in a session without a
 * terminal and without a display. One that takes too long is ended with all it started.
 */
export async function runQuietly(
  command: string,
  env: Environment,
  timeoutMs: number,
): Promise<ProcessAnswer> {
  const isAllowed = ([name]: [string, unknown]): boolean => !WAYS_TO_ASK.includes(name);
  const child = spawn(command, {
    shell: true,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: Object.fromEntries(Object.entries(env).filter(isAllowed)),
  });
  let output = '';
  const deadline = { isOver: false };
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
    // What has left the group would keep the pipe open.
    child.stdout.destroy();
  };
  const timer = setTimeout(() => {
    deadline.isOver = true;
    end();
  }, timeoutMs);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > MAX_OUTPUT_BYTES) end();
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  clearTimeout(timer);
  if (deadline.isOver) return { why: `gave nothing within ${timeoutMs / 1000} s` };
  if (code !== 0) return { why: code === null ? 'was ended' : `ended with exit code ${code}` };
  return readAnswer(output);
}

/** The contract of 3.1: an object with the number 1 as `Version`, and the keys. */
function readAnswer(output: string): ProcessAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    return { why: 'wrote no JSON' };
  }
  if (typeof answer !== 'object' || answer === null) return { why: 'wrote no JSON object' };
  const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer as Record<
    string,
    unknown
  >;
  if (Version !== 1) return { why: 'did not write "Version": 1' };
  if (typeof AccessKeyId !== 'string' || typeof SecretAccessKey !== 'string') {
    return { why: 'wrote no AccessKeyId and SecretAccessKey' };
  }
  const endsMs = typeof Expiration === 'string' ? Date.parse(Expiration) : undefined;
  if (endsMs !== undefined && endsMs <= Date.now()) return { why: 'gave keys that have expired' };
  const sessionToken = typeof SessionToken === 'string' ? SessionToken : undefined;
  return { keys: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken } };
}
