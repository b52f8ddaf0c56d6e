import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT } from '../../platform/errors.ts';
import { CREDENTIAL_FLAGS, askPassphrase } from './anywhere-flags.ts';

export default class AnywhereCredentialProcess extends DevaccessCommand {
  static override summary =
    "Give the credentials of a machine's role to AWS tools, by its certificate (credential_process).";
  static override description =
    'Shows the certificate to IAM Roles Anywhere and prints the JSON that AWS SDKs expect of a ' +
    'credential_process. Takes the options of aws_signing_helper. Certificate and key are checked ' +
    'before the call. Credentials are kept on disk while they last, so that each run does not ask ' +
    'the service; where it cannot be asked, those at hand are used to their end. --print-config ' +
    'writes the profile for ~/.aws/config that runs it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --certificate node.pem --private-key node.key ' +
      '--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN',
    '<%= config.bin %> <%= command.id %> --certificate node.pem --private-key node.key ' +
      '--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN --print-config >> ~/.aws/config',
  ];
  static override enableJsonFlag = false;
  static override flags = {
    ...CREDENTIAL_FLAGS,
    'print-config': Flags.boolean({
      description: 'print a profile that runs this, for every SDK alike; asks nobody',
    }),
    as: Flags.string({
      helpValue: 'NAME',
      dependsOn: ['print-config'],
      description: 'name of that profile; else that of the role',
    }),
  };

  override async run(): Promise<void> {
    const { processMain } = await import('../../roles-anywhere/process-main.ts');
    const exitCode = await processMain(this.argv, askPassphrase);
    if (exitCode !== undefined) {
      process.exitCode = exitCode;
      return;
    }
    // What it does not understand is this, or oclif tells it in its own words.
    const { flags } = await this.parse(AnywhereCredentialProcess);
    const { 'print-config': isAsked, as, ...given } = flags;
    if (!isAsked) this.exit(EXIT.usage);
    const { credentialProcessLine } = await import('../../aws/process-line.ts');
    const { newProcessProfile } = await import('../../credentials/process-profile.ts');
    const { stableNodePath } = await import('../../platform/node-path.ts');
    const { processWords } = await import('../../roles-anywhere/process-words.ts');
    const { sessionPlan } = await import('../../roles-anywhere/session-plan.ts');
    const { arns } = await sessionPlan(given, process.env);
    const program = {
      node: stableNodePath(process.execPath),
      script: join(this.config.root, 'bin', 'devaccess.js'),
    };
    const line = credentialProcessLine(program, processWords(given, process.env));
    const name = as ?? arns.roleArn.slice(arns.roleArn.lastIndexOf('/') + 1);
    const { region } = arns;
    process.stdout.write(newProcessProfile({ name, line, region }, process.env));
  }
}
