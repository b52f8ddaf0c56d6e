import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';

const SCRIPT = '/usr/bin/script';
const MAX_PATH_LENGTH = 64;

/** In character cells. */
export interface TerminalSize {
  cols: number;
  rows: number;
}

/** What to spawn. */
export interface ProgramStart {
  file: string;
  args: string[];
  /** With a terminal a fourth stream tells its name ({@link TerminalWindow}). */
  stdio: 'pipe'[];
}

export const WITHOUT_TERMINAL: 'pipe'[] = ['pipe', 'pipe', 'pipe'];
const WITH_TERMINAL: 'pipe'[] = ['pipe', 'pipe', 'pipe', 'pipe'];

/** Whether this machine can give a program a terminal of its own. */
export function hasPseudoTerminals(): boolean {
  // The BSDs' script takes other arguments.
  return process.platform === 'linux' && existsSync(SCRIPT);
}

/**
 * What to start so that a shell command line runs in a real terminal, without native code: script(1)
 * makes the terminal, and stty(1) gives it its size.
 */
export function terminalProgram(commandLine: string, { cols, rows }: TerminalSize): ProgramStart {
  const announce = '{ tty >&3; } 2>/dev/null; exec 3>&-';
  // Without a terminal of its own script switches the echo off.
  const setUp = `stty echo rows ${cell(rows)} cols ${cell(cols)} 2>/dev/null`;
  return {
    file: SCRIPT,
    args: ['-qefc', `${setUp}; ${announce}; ${commandLine}`, '/dev/null'],
    stdio: WITH_TERMINAL,
  };
}

/** Resizes the terminal of a running program of {@link terminalProgram}. */
export class TerminalWindow {
  readonly #onSettled: () => void;
  #device = '';
  #wanted: TerminalSize | undefined;
  #isBusy = false;

  /**
   * @param program what was started of a {@link ProgramStart}; without a terminal nothing happens
   * @param onSettled {@link isSettled} has become true
   */
  constructor(program: ChildProcess, onSettled: () => void = () => undefined) {
    this.#onSettled = onSettled;
    const announcement = program.stdio[3];
    if (!(announcement instanceof Readable)) return;
    announcement.setEncoding('latin1');
    announcement.on('error', () => undefined);
    announcement.on('data', (text: string) => {
      this.#device = (this.#device + text).slice(0, MAX_PATH_LENGTH);
      this.#apply();
    });
  }

  /** The terminal has the size that was asked for last. */
  get isSettled(): boolean {
    return this.#wanted === undefined && !this.#isBusy;
  }

  /** Whoever runs in the terminal gets SIGWINCH. Only the last of many sizes need be applied. */
  resize(size: TerminalSize): void {
    this.#wanted = size;
    this.#apply();
  }

  #apply(): void {
    const size = this.#wanted;
    const [, device] = /^(\/dev\/pts\/\d+)\n/.exec(this.#device) ?? [];
    if (size === undefined || device === undefined || this.#isBusy) return;
    this.#wanted = undefined;
    this.#isBusy = true;
    const args = ['-F', device, 'rows', cell(size.rows), 'cols', cell(size.cols)];
    const stty = spawn('stty', args, { stdio: 'ignore' });
    const done = (): void => {
      this.#isBusy = false;
      this.#apply();
      if (this.isSettled) this.#onSettled();
    };
    stty.on('error', done);
    stty.on('exit', done);
  }
}

/** The kernel keeps sixteen bits. */
function cell(count: number): string {
  return String(Math.max(0, Math.min(65_535, Math.floor(count) || 0)));
}
