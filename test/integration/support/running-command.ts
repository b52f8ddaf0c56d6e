import { createInterface } from 'node:readline';
import { collect } from './person.ts';
import type { Finished, Person } from './person.ts';

/** A command of ours that runs until it is stopped, and the events that its `--json` prints. */
export class RunningCommand<Line extends { event: string; port?: number }> {
  readonly events: Line[] = [];
  readonly #child;
  readonly #finished: Promise<Finished>;
  #wake: () => void = () => undefined;

  constructor(who: Person, args: string[], env: Record<string, string> = {}) {
    this.#child = who.start('devaccess', [...args, '--json'], env);
    this.#finished = collect(this.#child);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line) as Line);
      this.#wake();
    });
    void this.#finished.then(() => this.#wake());
  }

  /** The next event of a kind, counted from the first. */
  async event(kind: string, count = 1): Promise<Line> {
    for (;;) {
      const found = this.events.filter(({ event }) => event === kind)[count - 1];
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null)
        throw new Error(`it ended: ${(await this.#finished).stdout.toString()}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Where it listens first. */
  async port(): Promise<number> {
    return (await this.event('listening')).port!;
  }

  async stop(): Promise<Finished> {
    this.#child.kill('SIGINT');
    return this.#finished;
  }
}
