import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { localAndUtc } from '../../cli/time.ts';
import { printable } from '../../platform/errors.ts';
import type { SetupResult } from '../../roles-anywhere/setup/setup.ts';
import { askPassphrase } from './anywhere-flags.ts';

export default class AnywhereSetup extends DevaccessCommand {
  static override summary =
    'Make a small certificate authority, a machine certificate, and what the account needs.';
  static override description =
    'To try IAM Roles Anywhere, or to renew what was made so: needs no openssl and asks nobody. ' +
    'Writes trust anchor, role and profile as code and prints the commands to run. Whoever has ca.key ' +
    'can be any machine: keep it off the machines. Run again it issues more certificates; with --renew ' +
    'it renews one, which keeps its key.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --directory ~/anywhere --region eu-central-1',
    '<%= config.bin %> <%= command.id %> --directory ~/anywhere --machine node-2 --format terraform',
    '<%= config.bin %> <%= command.id %> --directory ~/anywhere --machine node-2 --renew',
  ];
  static override flags = {
    directory: Flags.string({
      helpValue: 'DIR',
      required: true,
      description: 'where all of it lies',
    }),
    machine: Flags.string({
      helpValue: 'NAME',
      default: 'node-1',
      description: 'whose certificate to issue',
    }),
    renew: Flags.boolean({ description: 'issue a new certificate where there is one' }),
    format: Flags.option({
      options: ['cli', 'cloudformation', 'terraform'] as const,
      default: 'cli',
      description: 'a script for the AWS CLI, a template, or a module',
    })(),
    name: Flags.string({
      helpValue: 'NAME',
      default: 'devaccess-anywhere',
      description: 'name of trust anchor, role and profile',
    }),
    region: Flags.string({ helpValue: 'R', description: 'else AWS_REGION' }),
    'policy-arn': Flags.string({
      helpValue: 'ARN',
      multiple: true,
      description: 'managed policy of the role; without one it may do nothing yet',
    }),
    'session-duration': Flags.integer({
      helpValue: 'S',
      default: 3600,
      description: 'seconds that credentials last at most',
    }),
    'key-type': Flags.option({
      options: ['ec', 'rsa'] as const,
      default: 'ec',
      description: 'P-256, or RSA with 2048 bits',
    })(),
    days: Flags.integer({ default: 90, min: 1, max: 3650, description: 'of the certificate' }),
    'ca-days': Flags.integer({ default: 1825, min: 1, max: 7300, description: 'of the authority' }),
  };

  override async run(): Promise<SetupResult> {
    const { flags } = await this.parse(AnywhereSetup);
    const { chooseRegion } = await import('../../aws/region.ts');
    const { setUp } = await import('../../roles-anywhere/setup/setup.ts');
    const { env } = process;
    const { directory, machine, name, days, format } = flags;
    const order = {
      ...{ directory, machine, name, days, format },
      region: chooseRegion({ flag: flags.region, env, profileRegion: undefined }),
      isRenewed: flags.renew,
      kind: flags['key-type'],
      authorityDays: flags['ca-days'],
      durationSeconds: flags['session-duration'],
      policyArns: flags['policy-arn'] ?? [],
    };
    const made = await setUp(order, { env, nowMs: Date.now(), askPassphrase });
    for (const each of [made.authority, made.machine]) {
      const until = localAndUtc(each.expires);
      this.talk(printable(`devaccess: ${each.outcome} ${each.certificate}, until ${until}`));
    }
    for (const notice of made.notices) this.talk(printable(`devaccess: ${notice}`));
    if (made.next.length === 0) {
      this.talk('devaccess: the account knows it already if it knows its authority');
    }
    for (const line of made.next) this.log(printable(line));
    return made;
  }
}
