import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { bytesText } from '../cli/quantities.ts';
import type { CopyResult } from '../copy/copy-files.ts';
import { EXIT, printable } from '../platform/errors.ts';

export default class Cp extends DevaccessCommand {
  static override completes = 'copies' as const;
  static override summary = 'Copy files to or from a server, over several sessions at a time.';
  static override description =
    'Like scp, and with the same SSH config, but spread over several SSH connections, checked by ' +
    'checksum, and resumed where it was interrupted. Modes and times are kept, links followed.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> backup.tar.gz db-1:/var/tmp/',
    '<%= config.bin %> <%= command.id %> -r --sessions 8 db-1:/var/log/app ./logs',
  ];
  static override strict = false;
  static override args = {
    source: Args.string({ required: true, description: 'PATH or [USER@]HOST:PATH, one or more' }),
    destination: Args.string({ required: true, description: 'PATH or [USER@]HOST:PATH' }),
  };
  static override flags = {
    recursive: Flags.boolean({ char: 'r', summary: 'copy folders with all that is in them' }),
    sessions: Flags.integer({
      helpValue: 'N',
      summary: 'most sessions to use at a time: 1 to 8',
      default: 4,
      min: 1,
      max: 8,
    }),
    verify: Flags.option({
      options: ['sha256', 'read-back', 'none'] as const,
      summary: 'how copies are checked; without a shell on the server they are read back',
      default: 'sha256',
    })(),
    restart: Flags.boolean({ summary: 'do not go on with an interrupted copy' }),
    port: Flags.integer({ char: 'P', helpValue: 'PORT', summary: 'port of the SSH server' }),
    'ssh-config': Flags.string({
      char: 'F',
      helpValue: 'FILE',
      summary: 'SSH config to use instead of ~/.ssh/config',
    }),
    preserve: Flags.boolean({
      char: 'p',
      hidden: true,
      summary: 'as always: keep times and modes',
    }),
  };

  override async run(): Promise<CopyResult> {
    const { argv, flags } = await this.parse(Cp);
    const { copyFiles } = await import('../copy/copy-files.ts');
    const { ProgressDisplay } = await import('../cli/progress-display.ts');
    const operands = argv as string[];
    const display = this.jsonEnabled() ? undefined : new ProgressDisplay(process.stderr);
    const result = await copyFiles({
      sources: operands.slice(0, -1),
      destination: operands.at(-1) ?? '',
      recursive: flags.recursive,
      sessions: flags.sessions,
      check: flags.verify,
      restart: flags.restart,
      port: flags.port,
      configFile: flags['ssh-config'],
      env: process.env,
      now: () => performance.now(),
      say: (line) => display?.say(printable(line)),
      onProgress: (progress) => display?.update(progress),
      onInterrupted: () => {
        display?.end();
        this.talk('Interrupted. The same command goes on where it stopped.');
      },
    }).finally(() => display?.end());
    for (const { message, code } of result.failed) this.talk(printable(`${message} [${code}]`));
    this.log(describe(result));
    if (result.failed.length > 0) {
      process.exitCode = result.files > 0 ? EXIT.partial : EXIT.failed;
    }
    return result;
  }
}

function describe(result: CopyResult): string {
  const { files, bytes, resumedBytes, seconds, sessions, verified, failed } = result;
  const rate = bytesText((bytes - resumedBytes) / Math.max(seconds, 0.001));
  const parts = [
    `${counted(files, 'file')}, ${bytesText(bytes)} in ${seconds.toFixed(1)} s (${rate}/s)`,
    counted(sessions, 'session'),
    ...(resumedBytes > 0 ? [`${bytesText(resumedBytes)} were there already`] : []),
    verified.length > 0 ? `verified by ${verified.join(' and ')}` : 'not verified',
    ...(failed.length > 0 ? [`${failed.length} not copied`] : []),
  ];
  return parts.join('; ');
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
