import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readCredentialsFile } from '../../aws/files/credentials-file.ts';
import { sectionValues } from '../../aws/files/ini-document.ts';
import { stateDirectory } from '../../platform/paths.ts';
import type { Environment } from '../../platform/paths.ts';
import { editFile, readTextFile } from '../../platform/safe-file.ts';

/** Where a user's key is handed over: a file of its own, or a section of the credentials file. */
export interface HandoverPlace {
  kind: 'file' | 'section';
  /** Path, or name of the section. */
  name: string;
}

interface Note extends HandoverPlace {
  startedMs: number;
}

/**
 * Which access keys are being made, noted in the state folder (0600, no secret) until they are handed over: a
 * run that was killed in between has left one whose secret nobody has.
 */
export class PendingKeys {
  readonly #account: string;
  readonly #placeOf: (user: string) => HandoverPlace;
  readonly #env: Environment;

  constructor(account: string, placeOf: (user: string) => HandoverPlace, env: Environment) {
    this.#account = account;
    this.#placeOf = placeOf;
    this.#env = env;
  }

  async note(user: string, startedMs: number): Promise<void> {
    const note: Note = { startedMs, ...this.#placeOf(user) };
    await editFile(this.#pathOf(user), () => `${JSON.stringify(note)}\n`);
  }

  drop(user: string): void {
    rmSync(this.#pathOf(user), { force: true });
  }

  /** When a key began to be made that was not handed over; undefined for none. */
  since(user: string): number | undefined {
    const note = parsed(readTextFile(this.#pathOf(user)) ?? '');
    return note === undefined || this.#isHandedOver(note) ? undefined : note.startedMs;
  }

  #isHandedOver({ kind, name }: Note): boolean {
    if (kind === 'file') return existsSync(name);
    return sectionValues(readCredentialsFile(this.#env), name) !== undefined;
  }

  #pathOf(user: string): string {
    const of = JSON.stringify([this.#account, user]);
    const name = createHash('sha256').update(of).digest('hex').slice(0, 32);
    return join(stateDirectory(this.#env), 'key-handovers', `${name}.json`);
  }
}

function parsed(text: string): Note | undefined {
  try {
    const { startedMs, kind, name } = JSON.parse(text) as Partial<Note>;
    const isNote = typeof startedMs === 'number' && typeof name === 'string' && kind !== undefined;
    return isNote ? { startedMs, kind, name } : undefined;
  } catch {
    return undefined;
  }
}
