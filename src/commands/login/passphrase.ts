import { printable } from '../../platform/errors.ts';
import { LoginCommand } from './login-command.ts';

/** What `devaccess login passphrase --json` prints. */
interface PassphraseResult {
  file: string;
  /** How many keys it opens. */
  keys: number;
}

export default class LoginPassphrase extends LoginCommand {
  static override summary = 'Change the passphrase of the encrypted file.';
  static override description =
    'Asks for the present one and, twice, for the new one; all keys of the file are sealed anew.';
  static override flags = {};

  override async run(): Promise<PassphraseResult> {
    await this.parse(LoginPassphrase);
    const { changePassphrase } = await import('../../credentials/stored-keys/change-passphrase.ts');
    const result = await changePassphrase(await this.keyWorld());
    this.log(printable(`${result.file} opens with the new passphrase; keys: ${result.keys}`));
    return result;
  }
}
