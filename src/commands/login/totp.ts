import { Flags } from '@oclif/core';
import type { TotpResult } from '../../credentials/stored-keys/totp-login.ts';
import { printable } from '../../platform/errors.ts';
import { LoginCommand } from './login-command.ts';
import { KEY_FLAGS } from './login-flags.ts';

const WARNING =
  'Warning: with the seed of the MFA device beside the key, both factors lie in one place. Whoever ' +
  'opens it needs no phone any more.';

export default class LoginTotp extends LoginCommand {
  static override summary =
    'Store the seed of the MFA device, so that devaccess computes the codes.';
  static override description =
    'Beside a key in the keychain or an encrypted file; never in plain text. devaccess mfa then asks ' +
    'for no code. Both factors lie in one place from then on: do it only where a policy asks for MFA ' +
    'and the second factor is not what protects you (docs/secret-storage.md).';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --profile ci',
    '<%= config.bin %> <%= command.id %> --profile ci --remove',
  ];
  static override flags = {
    ...KEY_FLAGS,
    remove: Flags.boolean({ default: false, description: 'remove a stored seed' }),
  };

  override async run(): Promise<TotpResult> {
    const { flags } = await this.parse(LoginTotp);
    const { changeTotp } = await import('../../credentials/stored-keys/totp-login.ts');
    const isStored = !flags.remove;
    const query = await this.query(flags);
    if (isStored) this.talk(WARNING);
    const result = await changeTotp({ ...query, isStored }, await this.keyWorld());
    this.log(printable(TEXTS[result.action](result.section)));
    return result;
  }
}

const TEXTS: Record<TotpResult['action'], (section: string) => string> = {
  stored: (section) => `devaccess mfa computes the codes of [${section}] from now on`,
  removed: (section) => `The seed of [${section}] is removed; devaccess mfa asks for codes again`,
  unchanged: (section) => `Nothing is changed about [${section}]`,
};
