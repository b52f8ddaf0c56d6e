import { spawn } from '@lydell/node-pty';
import type { IPty } from '@lydell/node-pty';
import { spawnSync } from 'node:child_process';
import type { Person } from './person.ts';
import { eventually } from './person.ts';

/**
 * A person at a terminal: `sh` runs in it, as the terminal's modes must be right when a program of
 * ours has come to its end, and it tells them.
 */
export class PersonAtTerminal {
  readonly #pty: IPty;
  #screen = '';
  #exit: { exitCode: number } | undefined;

  constructor(person: Person, size = { cols: 80, rows: 24 }, env: Record<string, string> = {}) {
    this.#pty = spawn('sh', [], {
      ...size,
      cwd: person.home,
      env: { ...person.env(), PS1: 'local> ', LANG: 'C.UTF-8', ...env },
    });
    this.#pty.onData((text) => (this.#screen += text));
    this.#pty.onExit((exit) => (this.#exit = exit));
  }

  /** Everything shown so far. */
  get screen(): string {
    return this.#screen;
  }

  type(text: string | Buffer): void {
    // Its type says string; bytes that are no text on their own pass as they are.
    this.#pty.write(text as string);
  }

  /** Waits until the text appears after what was seen before, and returns all until its end. */
  async sees(text: string | RegExp): Promise<string> {
    let end = -1;
    await eventually(`${String(text)} in ${JSON.stringify(this.#screen)}`, () => {
      end = endOf(this.#screen, text);
      return end >= 0 || this.#exit !== undefined;
    });
    if (end < 0) throw new Error(`no ${String(text)} in ${JSON.stringify(this.#screen)}`);
    const seen = this.#screen.slice(0, end);
    this.#screen = this.#screen.slice(end);
    return seen;
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows);
  }

  /** The terminal's modes, as stty tells them. */
  async modes(): Promise<string> {
    this.type('stty -g; echo modes-end\r');
    const [, modes = ''] =
      /\r\n([0-9a-f:]{20,})\r\n/.exec(await this.sees(/\r\nmodes-end\r\n/)) ?? [];
    return modes;
  }

  /** Ids of the processes that run below this terminal's shell, by a word of their command line. */
  processes(word: string): number[] {
    const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(this.#pty.pid)], {
      encoding: 'utf8',
    });
    return stdout
      .split('\n')
      .filter((line) => line.includes(word))
      .map((line) => Number(line.trim().split(' ')[0]));
  }

  /** The terminal's window is closed. */
  hangUp(): void {
    this.#pty.kill('SIGHUP');
  }

  leave(): void {
    this.#pty.kill('SIGKILL');
  }
}

function endOf(screen: string, text: string | RegExp): number {
  if (typeof text === 'string') {
    const at = screen.indexOf(text);
    return at < 0 ? -1 : at + text.length;
  }
  const match = text.exec(screen);
  return match === null ? -1 : match.index + match[0].length;
}
