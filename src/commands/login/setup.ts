import { Flags } from '@oclif/core';
import { KEY_PLACES, placeLabel } from '../../credentials/stored-keys/key-places.ts';
import type { LoginSetupResult } from '../../credentials/stored-keys/login-setup.ts';
import type { MoveResult } from '../../credentials/stored-keys/move-key.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import { LoginCommand } from './login-command.ts';
import { KEY_FLAGS, PROCESS_FLAG } from './login-flags.ts';
import { moveLines } from './move.ts';

export default class LoginSetup extends LoginCommand {
  static override summary = 'Set up a long-term key, in the keychain or an encrypted file.';
  static override description =
    'Asks for the key and its MFA device and makes the section [PROFILE-long-term], which says where ' +
    'the key is. With --store, a section that has its key in plain text is moved (docs/secret-storage.md).';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --store file --profile prod',
  ];
  static override flags = {
    ...KEY_FLAGS,
    profile: Flags.string({ helpValue: 'P', description: 'profile; asked for when missing' }),
    store: Flags.option({
      options: KEY_PLACES,
      description: 'where to keep the key: keychain unless given; plain is the credentials file',
    })(),
    ...PROCESS_FLAG,
  };

  override async run(): Promise<LoginSetupResult | MoveResult> {
    const { flags } = await this.parse(LoginSetup);
    const { setUpLogin } = await import('../../credentials/stored-keys/login-setup.ts');
    const asked = {
      profile: flags.profile,
      longTermSuffix: flags['long-term-suffix'],
      place: flags.store,
      forTools: await this.forTools(flags['credential-process']),
    };
    const result = await setUpLogin(asked, await this.keyWorld());
    if (result.action === 'set-up') {
      const { section, place } = result;
      this.log(printable(`Set up [${section}]; its key is in ${placeLabel(place, process.env)}`));
      return result;
    }
    for (const line of moveLines(result)) this.log(line);
    if (result.leftOver !== null) process.exitCode = EXIT.partial;
    return result;
  }
}
