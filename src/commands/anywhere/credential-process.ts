import { DevaccessCommand } from '../../cli/base-command.ts';
import { CREDENTIAL_FLAGS, askPassphrase } from './anywhere-flags.ts';

export default class AnywhereCredentialProcess extends DevaccessCommand {
  static override summary =
    "Give the credentials of a machine's role to AWS tools, by its certificate (credential_process).";
  static override description =
    'Shows the certificate to IAM Roles Anywhere and prints the JSON that AWS SDKs expect of a ' +
    'credential_process. Takes the options of aws_signing_helper. Certificate and key are checked ' +
    'before the call. Credentials are kept on disk while they last, so that each run does not ask ' +
    'the service; where it cannot be asked, those at hand are used to their end.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --certificate node.pem --private-key node.key ' +
      '--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN',
  ];
  static override enableJsonFlag = false;
  static override flags = CREDENTIAL_FLAGS;

  override async run(): Promise<void> {
    const { processMain } = await import('../../roles-anywhere/process-main.ts');
    const exitCode = await processMain(this.argv, askPassphrase);
    // What it does not understand, oclif tells in its own words.
    if (exitCode === undefined) await this.parse(AnywhereCredentialProcess);
    process.exitCode = exitCode ?? 2;
  }
}
