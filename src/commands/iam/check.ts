import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { tableLines } from '../../cli/table.ts';
import type { IdentityCheck } from '../../iam/check/check.ts';
import { FEATURES } from '../../iam/policy/features.ts';
import { printable } from '../../platform/errors.ts';
import { POLICY_FLAGS } from './policy-flags.ts';

export default class IamCheck extends DevaccessCommand {
  static override summary = 'Tell what an identity may do with devaccess, with MFA and without.';
  static override description =
    'Asks IAM to simulate its policies; where that is not allowed, tries calls that change nothing. ' +
    'Prints a line for each feature, and the statements to add. Exit code 1: something of --for (else ' +
    'ssh and forward) is not allowed, 4: that could not be told. docs/iam.md has the whole story.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --as alice --tag ssh-access=team-a',
    '<%= config.bin %> <%= command.id %> --as role/ops --for run --json',
  ];
  static override flags = {
    as: Flags.string({
      helpValue: 'WHO',
      summary: 'user, role/NAME or ARN; else the identity of the profile',
    }),
    profile: POLICY_FLAGS.profile,
    region: POLICY_FLAGS.region,
    for: Flags.option({
      options: FEATURES,
      summary: 'check these alone; may be given again; else all are told',
      multiple: true,
      default: [],
    })(),
    tag: Flags.string({
      helpValue: 'K=V',
      summary: 'a tag that the nodes have; may be given again',
      multiple: true,
      default: [],
    }),
    target: Flags.string({
      helpValue: 'ID',
      summary: 'node to check for; may be given again; else any',
      multiple: true,
      default: [],
    }),
    'kms-key': POLICY_FLAGS['kms-key'],
  };

  override async run(): Promise<IdentityCheck> {
    const { flags } = await this.parse(IamCheck);
    const { checkExitCode, checkIdentity } = await import('../../iam/check/check.ts');
    const { additionLines, checkTable } = await import('../../iam/check/check-lines.ts');
    const { callerIdentity } = await import('../../aws/caller-identity.ts');
    const { chooseAccess } = await import('../../credentials/access.ts');
    const { profile, region: regions } = flags;
    const access = await chooseAccess({ profile, region: regions[0] }, process.env, Date.now());
    const { credentials, region, namedProfile } = access;
    const client = { credentials, region, profile: namedProfile };
    const check = await checkIdentity(
      {
        as: flags.as,
        features: flags.for,
        regions: regions.length > 0 ? regions : [region],
        tags: flags.tag,
        targets: flags.target,
        kmsKeys: flags['kms-key'],
      },
      client,
      await callerIdentity(client),
    );
    const { heads, rows } = checkTable(check);
    const columns = heads.map((head, at) => ({
      head,
      cells: rows.map((row) => printable(row[at] ?? '')),
      dispensable: 0,
    }));
    this.log(printable(`${check.identity.arn}, ${check.method}`));
    this.log(tableLines(columns, Infinity, '…').join('\n'));
    for (const line of additionLines(check)) this.log(printable(line));
    for (const notice of check.notices) this.talk(printable(`devaccess: ${notice}`));
    process.exitCode = checkExitCode(check);
    return check;
  }
}
