import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import { plainFlags } from '../../roles-anywhere/options.ts';
import type { Served } from '../../roles-anywhere/serve/serve.ts';
import { CREDENTIAL_FLAGS, askPassphrase } from './anywhere-flags.ts';

export default class AnywhereServe extends DevaccessCommand {
  static override summary =
    "Serve credentials of a machine's role as an EC2 instance does (IMDSv2), on loopback.";
  static override description =
    'Prints what to export so that AWS tools ask it, for as long as they run, and ends with Ctrl-C. ' +
    'Every user of this computer can ask. Renews the credentials before they end, serves the present ' +
    'ones while they last, and none after. Takes the options of aws_signing_helper.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --certificate node.pem --private-key node.key ' +
      '--trust-anchor-arn ARN --profile-arn ARN --role-arn ARN',
    'AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911/ aws sts get-caller-identity',
  ];
  static override flags = {
    port: Flags.integer({
      default: 9911,
      min: 0,
      max: 65_535,
      description: 'TCP port on 127.0.0.1; 0: any free one',
    }),
    'hop-limit': Flags.integer({
      default: 64,
      min: 1,
      max: 255,
      description: 'as for aws_signing_helper; nothing leaves this computer anyway',
    }),
    ...CREDENTIAL_FLAGS,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(AnywhereServe, plainFlags(this.argv));
    const { port, 'hop-limit': _, ...given } = flags;
    const { sessionPlan } = await import('../../roles-anywhere/session-plan.ts');
    const { serve } = await import('../../roles-anywhere/serve/serve.ts');
    const { takeStopSignals } = await import('../../platform/stop-request.ts');
    const plan = await sessionPlan(given, process.env);
    const world = {
      env: process.env,
      now: Date.now,
      // Also with --json: it is the only word of what fails while it runs.
      say: (text: string) => void process.stderr.write(printable(`devaccess: ${text}`) + '\n'),
      askPassphrase,
      // One line when it is up: whoever started it waits for that.
      onServing: (served: Served): void => {
        const line = `export AWS_EC2_METADATA_SERVICE_ENDPOINT=${served.endpoint}`;
        process.stdout.write(`${this.jsonEnabled() ? JSON.stringify(served) : line}\n`);
        this.talk(`devaccess: serving ${served.role} on ${served.endpoint} until Ctrl-C`);
      },
    };
    await serve(plan, port, takeStopSignals().signal, world);
    return this.leave(EXIT.done);
  }
}
