import { Flags } from '@oclif/core';
import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { LoginCommand } from './login-command.ts';

/** For devaccess itself: its other programs ask nobody, and read the key from this one's output. */
export default class LoginUnlock extends LoginCommand {
  static override hidden = true;
  static override summary = 'Read a stored key, for another program of devaccess.';
  static override flags = {
    section: Flags.string({ required: true, description: 'section of the credentials file' }),
  };

  override async run(): Promise<Record<string, unknown>> {
    const { flags } = await this.parse(LoginUnlock);
    if (process.stdout.isTTY || !this.jsonEnabled()) {
      throw new DevaccessError('DA_USAGE', 'This command is for devaccess itself', {
        next: 'devaccess credential-process --profile P gives a stored key to other programs',
        exitCode: EXIT.usage,
      });
    }
    const { unlockedKey } = await import('../../credentials/stored-keys/unlocked-key.ts');
    return unlockedKey(flags.section, await this.keyWorld());
  }
}
