import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { readDuration } from '../cli/time.ts';
import type { CredentialsLeft } from '../credentials/check-left.ts';
import type { CredentialsStatus } from '../credentials/status.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { leftLine, statusLines } from './status-lines.ts';

export default class Status extends DevaccessCommand {
  static override summary = 'Show whose credentials you have, and how long they last.';
  static override description =
    'Reads the AWS files and asks nobody. Every profile with its source, account, MFA device and end, ' +
    'and with what AWS tools disagree about. --check is for scripts, --prompt for the prompt of a shell.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --check --min-left 15m || <%= config.bin %> mfa --force',
    "PS1='$(<%= config.bin %> <%= command.id %> --prompt) '$PS1",
  ];
  static override flags = {
    profile: Flags.string({ helpValue: 'P', description: 'one profile instead of all' }),
    check: Flags.boolean({
      description:
        'exit 3 when the credentials have ended; the profile is --profile, else the usual',
      exclusive: ['prompt', 'verify'],
    }),
    'min-left': Flags.string({
      helpValue: 'TIME',
      dependsOn: ['check'],
      description: '… or last less than this: 900, 15m, 1h30m',
    }),
    prompt: Flags.boolean({
      description: 'print profile and time left for the prompt of a shell, fast',
      exclusive: ['verify'],
    }),
    verify: Flags.boolean({ default: false, description: 'ask STS who each profile is' }),
  };

  override async run(): Promise<CredentialsStatus | CredentialsLeft | undefined> {
    const { flags } = await this.parse(Status);
    const world = { env: process.env, now: Date.now };
    if (flags.prompt) {
      const { promptMain } = await import('../credentials/prompt-main.ts');
      promptMain(flags.profile === undefined ? [] : ['--profile', flags.profile]);
      return undefined;
    }
    if (flags.check) {
      const { checkLeft } = await import('../credentials/check-left.ts');
      const seconds = minLeft(flags['min-left']);
      const left = checkLeft(flags.profile, seconds, world.env, world.now());
      this.log(leftLine(left));
      return left;
    }
    const { credentialsStatus } = await import('../credentials/status.ts');
    const status = credentialsStatus(world.env, world.now(), flags.profile);
    if (flags.verify) {
      const { verifyIdentities } = await import('../credentials/verify-identity.ts');
      await verifyIdentities(status, world);
      const isAnyRefused = status.profiles.some(
        ({ verified }) => verified !== undefined && 'error' in verified,
      );
      if (isAnyRefused) process.exitCode = EXIT.partial;
    }
    // Undefined without a terminal, 0 where it does not say.
    const width = process.stdout.columns > 0 ? process.stdout.columns : Infinity;
    this.log(statusLines(status, width).join('\n'));
    return status;
  }
}

function minLeft(text: string | undefined): number {
  const seconds = readDuration(text ?? '0');
  if (seconds !== undefined) return seconds;
  throw new DevaccessError('DA_USAGE', `'${text ?? ''}' is not a length of time`, {
    next: 'give seconds, or units such as 15m or 1h30m',
    exitCode: EXIT.usage,
  });
}
