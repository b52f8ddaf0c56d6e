import { Flags } from '@oclif/core';
import { KEY_PLACES, placeLabel } from '../../credentials/stored-keys/key-places.ts';
import type { MoveResult } from '../../credentials/stored-keys/move-key.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import { LoginCommand } from './login-command.ts';
import { KEY_FLAGS, PROCESS_FLAG } from './login-flags.ts';

export default class LoginMove extends LoginCommand {
  static override summary = 'Move a long-term key to the keychain, an encrypted file, or back.';
  static override description =
    'The key is written to its new place, read back and compared, and only then taken out of the old ' +
    'one. Its section of the credentials file stays, and says where the key is; everything in ' +
    'devaccess finds it there (docs/secret-storage.md).';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --to keychain',
    '<%= config.bin %> <%= command.id %> --to file --profile prod',
    '<%= config.bin %> <%= command.id %> --to plain',
  ];
  static override flags = {
    ...KEY_FLAGS,
    to: Flags.option({
      options: KEY_PLACES,
      required: true,
      description: 'where to; plain is the credentials file itself',
    })(),
    ...PROCESS_FLAG,
  };

  override async run(): Promise<MoveResult> {
    const { flags } = await this.parse(LoginMove);
    const { moveKey } = await import('../../credentials/stored-keys/move-key.ts');
    const forTools = await this.forTools(flags['credential-process']);
    const query = await this.query(flags);
    const result = await moveKey({ ...query, to: flags.to, forTools }, await this.keyWorld());
    for (const line of moveLines(result)) this.log(line);
    if (result.leftOver !== null) process.exitCode = EXIT.partial;
    return result;
  }
}

/** What was moved, and what is left for the person to do. */
export function moveLines(result: MoveResult): string[] {
  const { section, action, from, to, leftOver, plainCopies } = result;
  const place = placeLabel(to, process.env);
  const lines =
    action === 'unchanged'
      ? [`The key of [${section}] is in ${place} already`]
      : [`Moved the key of [${section}] from ${placeLabel(from, process.env)} to ${place}`];
  if (leftOver !== null) {
    lines.push(`It could not be taken out of the old place yet; the next run tries: ${leftOver}`);
  }
  lines.push(...plainCopies.map((where) => `Its secret is still in plain text in ${where}`));
  return lines.map(printable);
}
