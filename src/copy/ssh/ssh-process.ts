import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { DevaccessError } from '../../platform/errors.ts';
import { sshNotStarted } from '../../platform/ssh-not-started.ts';
import { sshFailure } from './ssh-failure.ts';

/** Enough of what ssh says to tell why it failed. */
const MAX_STDERR_CHARS = 16 * 1024;
/** How long ssh may take to end once its input has. */
const CLOSE_PATIENCE_MS = 3_000;

/** A running `ssh`: bytes in and out, and how it ended. */
export class SshProcess {
  /** Resolves with the reason when the process is gone and all of its output was handed out. */
  readonly ended: Promise<DevaccessError>;
  readonly #child: ChildProcessWithoutNullStreams;
  #isClosing = false;
  #isGone = false;

  /** @param onLine takes the lines ssh says on stderr until it is closed; they are not printable yet */
  constructor(
    host: string,
    args: readonly string[],
    onBytes: (bytes: Buffer) => void,
    onLine: (line: string) => void,
  ) {
    // In the same process group and session: its prompts need the terminal, and Ctrl-C reaches it.
    const child = spawn('ssh', args, { stdio: 'pipe', windowsHide: true });
    this.#child = child;
    let said = '';
    let unfinished = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_STDERR_CHARS);
      const lines = (unfinished + text).split('\n');
      unfinished = (lines.pop() ?? '').slice(-MAX_STDERR_CHARS);
      if (!this.#isClosing) for (const line of lines) onLine(line.replace(/\r$/, ''));
    });
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', onBytes);
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(sshNotStarted(error)));
      child.once('close', () => {
        this.#isGone = true;
        if (!this.#isClosing && unfinished !== '') onLine(unfinished);
        resolve(sshFailure(host, said));
      });
    });
  }

  write(bytes: Buffer): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(bytes);
  }

  /** Ends its input, and the process when that does not. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it now; it takes its proxies with it. */
  kill(): void {
    this.#isClosing = true;
    if (!this.#isGone) this.#child.kill('SIGTERM');
  }
}
