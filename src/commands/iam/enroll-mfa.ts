import { Flags } from '@oclif/core';
import type { EnrolmentResult } from '../../credentials/own-user/enroll-device.ts';
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { LoginCommand } from '../login/login-command.ts';
import { KEY_FLAGS } from '../login/login-flags.ts';

const BOTH_IN_ONE_PLACE =
  'Warning: with the seed of the MFA device beside the key, both factors lie in one place. Whoever ' +
  'opens it needs no phone.';
const IN_A_TERMINAL = 'run devaccess iam enroll-mfa in a terminal';

export default class IamEnrollMfa extends LoginCommand {
  static override summary = 'Enrol an authenticator app as MFA device of the own IAM user.';
  static override description =
    'Makes a virtual MFA device, draws its QR code on the terminal, asks for two codes, assigns the ' +
    'device and writes it into the profile. The policies must allow it: devaccess iam policy --for ' +
    'enroll-mfa. Security keys and passkeys cannot be used with STS. docs/iam.md has the whole story.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --profile prod --name alice-tablet',
    '<%= config.bin %> mfa && <%= config.bin %> <%= command.id %> --replace',
  ];
  static override flags = {
    ...KEY_FLAGS,
    name: Flags.string({ helpValue: 'NAME', summary: "name of the device; else the user's" }),
    replace: Flags.boolean({
      summary: 'in the place of the device that the profile names, which is taken away',
    }),
    'show-secret': Flags.boolean({
      summary: 'also print the secret, for authenticators that cannot scan',
    }),
    'store-totp': Flags.boolean({
      summary: 'keep the seed beside the key, as devaccess login totp does',
    }),
  };

  override async run(): Promise<EnrolmentResult> {
    const { flags } = await this.parse(IamEnrollMfa);
    const { hasTerminal } = await import('../../platform/has-terminal.ts');
    const { checkDeviceName, enrollDevice } =
      await import('../../credentials/own-user/enroll-device.ts');
    if (flags.name !== undefined) checkDeviceName(flags.name);
    // A device that nobody could scan is not made.
    if (!hasTerminal()) {
      const options = { next: IN_A_TERMINAL, exitCode: EXIT.needsPerson };
      throw new DevaccessError(
        'DA_NO_TERMINAL',
        'There is no terminal to show a QR code on',
        options,
      );
    }
    const { keyProfile } = await import('../../credentials/own-user/key-profile.ts');
    const { withSharedStores } = await import('../../credentials/stored-keys/key-places.ts');
    const { confirm } = await import('../../cli/confirm.ts');
    const { showSeed } = await import('./seed-display.ts');
    if (flags['store-totp']) this.talk(BOTH_IN_ONE_PLACE);
    const world = await this.keyWorld();
    const result = await enrollDevice(
      {
        ...keyProfile(await this.query(flags), process.env).query,
        name: flags.name,
        isReplacing: flags.replace,
        isSeedKept: flags['store-totp'],
      },
      withSharedStores({
        ...world,
        now: Date.now,
        askCode: world.ask,
        confirm: (message: string) => confirm(message, IN_A_TERMINAL),
        showSeed: (shown) => showSeed(shown, flags['show-secret'], IN_A_TERMINAL),
      }),
    );
    this.log(
      printable(`${result.user} has the MFA device ${result.device}; [${result.section}] names it`),
    );
    if (result.removedDevice !== null) {
      this.talk(printable(`${result.removedDevice} was taken away: its codes work no more`));
    } else if (result.formerDevice !== null) {
      this.talk(printable(`[${result.section}] named ${result.formerDevice} before`));
    }
    this.talk('The two codes are used up: devaccess mfa takes the next one.');
    return result;
  }
}
