import { commandArguments } from './ssh-program.ts';
import type { SshProgram } from './ssh-program.ts';
import { SshProcess } from './ssh-process.ts';

const GREETING = 'devaccess-sha256';
/** How long logging in may take; with a slow network and a jump host it is a few seconds. */
const GREETING_PATIENCE_MS = 45_000;
/** A digest in hex, and room for what a start-up file may say before the greeting. */
const MAX_LINE_CHARS = 4096;

/**
 * A POSIX shell's work: one line in, a path in octal escapes; one line out, its SHA-256 or `-`. In
 * single quotes and without any itself, so that every login shell reads it as one word; no path is
 * ever a part of a command.
 */
const SCRIPT = [
  'exec 2>/dev/null',
  'if command -v sha256sum >/dev/null; then h() { sha256sum; }',
  'elif command -v shasum >/dev/null; then h() { shasum -a 256; }',
  'elif command -v openssl >/dev/null; then h() { openssl dgst -sha256 -r; }',
  'else exit 1; fi',
  `echo ${GREETING}`,
  'while IFS= read -r e; do p=$(printf "%b_" "$e"); s=$(h < "${p%_}") || s=-; echo "${s%% *}"; done',
].join('; ');
const COMMAND = `exec /bin/sh -c '${SCRIPT}'`;

/**
 * Asks a server for the SHA-256 of its files, over an SSH connection of its own that runs a shell
 * there. Where that cannot be (SFTP only, no shell, another login needed) every answer is undefined.
 */
export class RemoteDigester {
  readonly #program: SshProgram;
  readonly #waiting: ((digest: string | undefined) => void)[] = [];
  #process: SshProcess | undefined;
  #isGreeted = false;
  #onGreeted: () => void = () => undefined;
  #isOver = false;
  #unfinished = '';
  #unsent = '';

  constructor(program: SshProgram) {
    this.#program = program;
  }

  /** @returns lower-case hex, or undefined where the server does not tell */
  digest(path: string): Promise<string | undefined> {
    this.start();
    if (this.#isOver) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#unsent += `${escaped(path)}\n`;
      this.#send();
    });
  }

  /** Logs in, so that a later question is answered sooner. */
  start(): void {
    if (this.#process !== undefined) return;
    this.#process = new SshProcess(
      this.#program.host,
      commandArguments(this.#program, COMMAND),
      (bytes) => this.#receive(bytes.toString('latin1')),
      () => undefined,
    );
    // A login that runs something else instead, as a menu, never greets.
    const timer = setTimeout(() => this.#process?.kill(), GREETING_PATIENCE_MS);
    this.#onGreeted = () => clearTimeout(timer);
    void this.#process.ended.then(() => this.#end());
  }

  async close(): Promise<void> {
    this.#end();
    await this.#process?.close();
  }

  kill(): void {
    this.#process?.kill();
  }

  #send(): void {
    if (!this.#isGreeted || this.#unsent === '') return;
    this.#process?.write(Buffer.from(this.#unsent, 'latin1'));
    this.#unsent = '';
  }

  #receive(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#isGreeted) this.#waiting.shift()?.(/^\\?([0-9a-f]{64})\b/.exec(line)?.[1]);
      else if (line.trim() === GREETING) {
        this.#isGreeted = true;
        this.#onGreeted();
      }
    }
    if (this.#unfinished.length > MAX_LINE_CHARS) this.#process?.kill();
    this.#send();
  }

  #end(): void {
    this.#isOver = true;
    this.#onGreeted();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}

/** For printf's %b: what could mean anything to a shell or to %b is three octal digits. */
function escaped(path: string): string {
  return Array.from(Buffer.from(path, 'utf8'), (byte) => {
    const character = String.fromCharCode(byte);
    if (/[\w./-]/.test(character)) return character;
    return `\\0${byte.toString(8).padStart(3, '0')}`;
  }).join('');
}
