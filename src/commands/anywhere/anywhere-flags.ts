import { Flags } from '@oclif/core';
import type { Interfaces } from '@oclif/core';
import { CREDENTIAL_OPTIONS, IDENTITY_OPTIONS } from '../../roles-anywhere/options.ts';
import type { OptionSpec } from '../../roles-anywhere/options.ts';
import { askOnTerminal } from '../../platform/terminal.ts';

type FlagOf<Spec extends OptionSpec> = Spec['type'] extends 'boolean'
  ? Interfaces.BooleanFlag<boolean>
  : Interfaces.OptionFlag<string | undefined>;

/** The options of a table of the domain as flags of a command. */
function flagsOf<Table extends Readonly<Record<string, OptionSpec>>>(
  table: Table,
): { [Name in keyof Table]: FlagOf<Table[Name]> } {
  const flags = Object.entries(table).map(([name, spec]) => {
    const { type, description, helpValue, isHidden = false } = spec;
    const common = { description, hidden: isHidden };
    const value = helpValue === undefined ? {} : { helpValue };
    const flag = type === 'boolean' ? Flags.boolean(common) : Flags.string({ ...common, ...value });
    return [name, flag] as const;
  });
  return Object.fromEntries(flags) as { [Name in keyof Table]: FlagOf<Table[Name]> };
}

export const IDENTITY_FLAGS = flagsOf(IDENTITY_OPTIONS);
export const CREDENTIAL_FLAGS = flagsOf(CREDENTIAL_OPTIONS);

/** aws_signing_helper takes it everywhere; where nothing is asked there is nothing to tell. */
export const IGNORED_DEBUG = Flags.boolean({ hidden: true });

/** Asks for the passphrase of a key, or the PIN of a token. */
export function askPassphrase(message: string): Promise<string> {
  return askOnTerminal({
    message,
    hidden: true,
    withoutTerminal:
      'give --pkcs8-password-file, or --pkcs11-pin-file for a token, or run the command in a terminal',
  });
}
