import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import { plainFlags } from '../../roles-anywhere/options.ts';
import type { Inspection } from '../../roles-anywhere/inspect.ts';
import { CREDENTIAL_FLAGS, askPassphrase } from './anywhere-flags.ts';
import { inspectionLines } from './inspect-lines.ts';

export default class AnywhereInspect extends DevaccessCommand {
  static override summary =
    "Look at a machine's certificate, chain and key as IAM Roles Anywhere will; asks nobody.";
  static override description =
    'Tells validity, fitness, chain, whether the key is the right one, and what would be sent where. ' +
    'Exit code 1 where the service would refuse. --json has the fields of aws_signing_helper ' +
    'read-certificate-data, too.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --certificate node.pem --private-key node.key',
    '<%= config.bin %> <%= command.id %> --certificate node.pem --intermediates chain.pem --trust-anchor ca.pem',
  ];
  static override flags = {
    ...CREDENTIAL_FLAGS,
    'trust-anchor': Flags.string({
      helpValue: 'FILE',
      description: 'what the trust anchor holds, PEM: tells whether the chain leads there',
    }),
  };

  override async run(): Promise<Inspection> {
    const { flags } = await this.parse(AnywhereInspect, plainFlags(this.argv));
    const { 'trust-anchor': anchorFile, ...given } = flags;
    const { identityPlan } = await import('../../roles-anywhere/session-plan.ts');
    const { inspect } = await import('../../roles-anywhere/inspect.ts');
    const plan = identityPlan(given, process.env);
    const found = await inspect(
      { plan, given, anchorFile },
      {
        env: process.env,
        nowMs: Date.now(),
        say: (text) => this.talk(printable(`devaccess: ${text}`)),
        askPassphrase,
      },
    );
    for (const line of inspectionLines(found)) this.log(printable(line));
    if (found.problems.length > 0) process.exitCode = EXIT.failed;
    return found;
  }
}
