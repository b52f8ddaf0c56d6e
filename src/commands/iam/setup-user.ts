import { Args, Flags } from '@oclif/core';
import { callerIdentity } from '../../aws/caller-identity.ts';
import { FEATURES, SETUP_FEATURES } from '../../iam/policy/features.ts';
import type { PendingKeys } from '../../iam/setup/pending-keys.ts';
import type { SetupPlan } from '../../iam/setup/setup-plan.ts';
import { printable } from '../../platform/errors.ts';
import { LoginCommand } from '../login/login-command.ts';
import { POLICY_FLAGS } from './policy-flags.ts';

/** What `devaccess iam setup-user --json` prints. Holds no secret. */
interface SetupJson {
  group: string;
  users: readonly string[];
  /** What was to be done, in words. */
  steps: string[];
  isApplied: boolean;
  /** Where new access keys are, by user. */
  keys: Record<string, string>;
  notices: string[];
}

export default class IamSetupUser extends LoginCommand {
  static override summary =
    'Set up IAM users for devaccess: a group with the policy, and them in it.';
  static override description =
    'Shows what is to be done; --apply does it. Run again, it does what is left. --undo shows, and with ' +
    '--apply goes, the way back: users that were made here are deleted, others only leave the group. ' +
    'docs/iam.md has the whole story.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> alice bob --tag ssh-access=team-a',
    '<%= config.bin %> <%= command.id %> alice --keys ./handover --apply',
    '<%= config.bin %> <%= command.id %> bob --undo',
    '<%= config.bin %> <%= command.id %> alice --reset-mfa --apply',
  ];
  static override strict = false;
  static override args = {
    name: Args.string({ name: 'NAME', description: 'user; more may follow', required: true }),
  };
  static override flags = {
    profile: POLICY_FLAGS.profile,
    region: POLICY_FLAGS.region,
    group: Flags.string({
      helpValue: 'NAME',
      summary: 'name of the group and of its policy',
      default: 'devaccess',
    }),
    for: Flags.option({
      options: FEATURES,
      summary:
        'what the policy is for; may be given again; else ssh, forward, rotate-keys and enroll-mfa',
      multiple: true,
      default: [],
    })(),
    tag: POLICY_FLAGS.tag,
    target: POLICY_FLAGS.target,
    'mfa-age': POLICY_FLAGS['mfa-age'],
    strict: POLICY_FLAGS.strict,
    boundary: Flags.string({
      helpValue: 'ARN',
      summary: 'managed policy that limits what the users may ever do',
    }),
    'run-as': Flags.string({
      helpValue: 'U',
      summary: 'user of the servers that their shells run as (SSMSessionRunAs)',
    }),
    keys: Flags.string({
      helpValue: 'WHERE',
      summary: "an access key for who has none: 'keychain', or a folder for files of mode 0600",
    }),
    apply: Flags.boolean({ summary: 'do it' }),
    undo: Flags.boolean({ summary: 'the way back', exclusive: ['keys', 'boundary', 'run-as'] }),
    'reset-mfa': Flags.boolean({
      summary: 'only take their MFA devices from them: for a lost phone',
      exclusive: ['keys', 'boundary', 'run-as', 'undo'],
    }),
  };

  override async run(): Promise<SetupJson> {
    const { flags, argv } = await this.parse(IamSetupUser);
    const { chooseAccess } = await import('../../credentials/access.ts');
    const { callerPolicy } = await import('../../iam/generated-policy.ts');
    const { deviceResetPlan, setupPlan, undoPlan } = await import('../../iam/setup/setup-plan.ts');
    const { parseDuration } = await import('../../platform/duration.ts');
    const users = argv as string[];
    const asked = { profile: flags.profile, region: flags.region[0] };
    const { credentials, region, namedProfile } = await chooseAccess(
      asked,
      process.env,
      Date.now(),
    );
    const client = { credentials, region, profile: namedProfile };
    const { account } = await callerIdentity(client);
    const pending = await pendingKeys(account, flags.keys ?? '.');
    const policy = callerPolicy({
      account,
      regions: flags.region.length > 0 ? flags.region : [region],
      kind: 'user',
      name: flags.group,
      features: flags.for.length > 0 ? flags.for : SETUP_FEATURES,
      documents: [],
      tags: flags.tag ?? [],
      targets: flags.target ?? [],
      kmsKeys: [],
      osUser: undefined,
      trusted: [],
      mfaAgeS: parseDuration(flags['mfa-age']) / 1000,
      strict: flags.strict,
    });
    const words = {
      users,
      policy,
      boundary: flags.boundary,
      runAs: flags['run-as'],
      keys: flags.keys === undefined ? undefined : pending,
    };
    const planOf = flags['reset-mfa'] ? deviceResetPlan : flags.undo ? undoPlan : setupPlan;
    const plan = await planOf(words, client);
    for (const notice of plan.notices) this.talk(printable(`devaccess: ${notice}`));
    const keys = flags.apply ? await this.apply(plan, client, { where: flags.keys, pending }) : {};
    if (plan.steps.length === 0) this.log('Nothing is to be done');
    else if (!flags.apply) {
      for (const { text } of plan.steps) this.log(printable(`would ${text}`));
      this.talk('Nothing is done yet: --apply does it.');
    }
    const { group, notices } = plan;
    const steps = plan.steps.map(({ text }) => text);
    return { group, users, steps, isApplied: flags.apply, keys, notices };
  }

  private async apply(
    plan: SetupPlan,
    client: Parameters<typeof callerIdentity>[0],
    { where, pending }: { where: string | undefined; pending: PendingKeys },
  ): Promise<Record<string, string>> {
    const { applyPlan } = await import('../../iam/setup/apply-plan.ts');
    const { handOverTo } = await import('./key-handover.ts');
    const withKeys = plan.steps.flatMap(({ change }) =>
      change.operation === 'CreateAccessKey' ? [change.UserName] : [],
    );
    const keys: Record<string, string> = {};
    const handOver = await handOverTo(where ?? '.', withKeys, await this.keyWorld());
    await applyPlan(plan, client, {
      pending,
      now: Date.now,
      handOver: async (user, { accessKeyId, secretAccessKey }) =>
        (keys[user] = await handOver(user, { accessKeyId, secretAccessKey })),
      done: ({ text }, place) =>
        this.log(printable(`${text}: done${place === undefined ? '' : `; it is in ${place}`}`)),
    });
    return keys;
  }
}

async function pendingKeys(account: string, where: string): Promise<PendingKeys> {
  const { PendingKeys } = await import('../../iam/setup/pending-keys.ts');
  const { handoverPlace } = await import('./key-handover.ts');
  return new PendingKeys(account, (user) => handoverPlace(where, user), process.env);
}
