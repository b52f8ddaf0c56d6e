import { join } from 'node:path';
import { Command, flush } from '@oclif/core';
import type { Completes } from './completion/command-words.ts';
import { DevaccessError, EXIT, errorLine, printable, printableJson } from '../platform/errors.ts';

/**
 * What every command keeps: results on stdout, talk on stderr, `--json` prints the very object
 * `run()` returns, errors are one clear line with a code and the next step, and the exit code
 * tells done (0), failed (1), wrong usage (2), needs the person (3), partly done (4).
 */
export abstract class DevaccessCommand extends Command {
  static override enableJsonFlag = true;
  /** What completion offers as arguments. */
  static completes?: Completes;

  /** Says something to the person, on stderr; silent with --json. */
  protected talk(text: string): void {
    if (!this.jsonEnabled()) process.stderr.write(`${text}\n`);
  }

  /** What a command needs that may have to ask the person for a code on its way. */
  protected get worldOfPerson() {
    const mfa = [join(this.config.root, 'bin', 'devaccess.js'), 'mfa'];
    return {
      env: process.env,
      now: Date.now,
      say: (text: string) => this.talk(printable(`devaccess: ${text}`)),
      mfaCommand: [process.execPath, ...mfa] as [string, ...string[]],
      coolDownMs: 0,
    };
  }

  /** Ends the process, whatever keeps it: a call that AWS leaves unanswered could for a minute. */
  protected async leave(exitCode: number): Promise<never> {
    await flush();
    process.exit(exitCode);
  }

  /** A command that has told its result already returns nothing, and nothing is printed. */
  override logJson(json: unknown): void {
    if (json !== undefined) process.stdout.write(`${printableJson(json)}\n`);
  }

  protected override async catch(error: Error & { exitCode?: number }): Promise<void> {
    if (this.jsonEnabled()) {
      this.logJson(this.toErrorJson(error));
    } else {
      const isOurs = error instanceof DevaccessError;
      if (!isOurs && 'oclif' in error) return super.catch(error) as Promise<void>;
      process.stderr.write(`devaccess: ${errorLine(error)}\n`);
    }
    this.exit(exitCodeOf(error));
  }

  protected override toErrorJson(error: unknown): { error: Record<string, unknown> } {
    if (error instanceof DevaccessError) {
      return { error: { code: error.code, message: error.message, next: error.next ?? null } };
    }
    const message = error instanceof Error ? error.message : String(error);
    const code = exitCodeOf(error) === EXIT.usage ? 'DA_USAGE' : 'DA_UNEXPECTED';
    return { error: { code, message, next: null } };
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof DevaccessError) return error.exitCode;
  const oclif = (error as { oclif?: { exit?: number } }).oclif;
  return oclif?.exit ?? EXIT.failed;
}
