import { DevaccessCommand } from '../../cli/base-command.ts';
import type { GeneratedPolicy } from '../../iam/generated-policy.ts';
import type { PolicyReview, ReviewWords } from '../../iam/review/review.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import { POLICY_FLAGS } from './policy-flags.ts';

/** `text`: what the other formats, or --explain, print. */
type PolicyJson = GeneratedPolicy & { text: string | null };

export default class IamPolicy extends DevaccessCommand {
  static override summary = 'Print the least IAM policy that devaccess needs, or review one.';
  static override description =
    'Asks for nothing but what --for names, on the nodes of --tag and --target. With --account and ' +
    '--region nobody is asked and no credentials are needed. docs/iam.md has the whole story.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --tag ssh-access=team-a > policy.json',
    '<%= config.bin %> <%= command.id %> --role --for ssh --format terraform',
    '<%= config.bin %> <%= command.id %> --side instance --explain',
    '<%= config.bin %> <%= command.id %> --diff policy.json',
  ];
  static override flags = POLICY_FLAGS;

  override async run(): Promise<PolicyJson | PolicyReview> {
    const { flags } = await this.parse(IamPolicy);
    const { parseDuration } = await import('../../platform/duration.ts');
    const { account, region: regions, profile } = flags;
    const words = {
      name: flags.name,
      features: flags.for,
      kmsKeys: flags['kms-key'],
      kind: flags.role ? ('role' as const) : ('user' as const),
      documents: flags.documents ?? [],
      tags: flags.tag ?? [],
      targets: flags.target ?? [],
      osUser: flags['os-user'],
      trusted: flags.trust ?? [],
      nodeRoles: flags['node-role'],
      mfaAgeS: parseDuration(flags['mfa-age']) / 1000,
      strict: flags.strict,
    };
    if (flags.diff !== undefined) {
      return this.review(flags.diff, { ...words, account, regions });
    }
    const { callerPolicy, nodePolicy } = await import('../../iam/generated-policy.ts');
    const { renderPolicy } = await import('../../iam/render/render.ts');
    const { explanation, sizeLine } = await import('../../iam/explanation.ts');
    const { placeOf } = await import('./policy-place.ts');
    const place = await placeOf({ account, regions, profile }, process.env);
    const { side, managed, format = 'json', show: section = 'permissions', part, explain } = flags;
    const policy =
      side === 'instance'
        ? nodePolicy({ ...words, ...place, managed })
        : callerPolicy({ ...words, ...place });
    // As an object the documents are there anyway.
    const isText = !this.jsonEnabled() || explain || format !== 'json';
    const text = explain
      ? explanation(policy).join('\n')
      : isText
        ? renderPolicy(policy, format, { section, part })
        : null;
    if (text !== null) this.log(text);
    for (const notice of policy.notices) this.talk(printable(`devaccess: ${notice}`));
    if (policy.policies.length > 0) this.talk(`devaccess: ${sizeLine(policy)}`);
    return { ...policy, text };
  }

  private async review(path: string, words: ReviewWords): Promise<PolicyReview> {
    const { isSevere, reviewPolicy } = await import('../../iam/review/review.ts');
    const { reviewLines } = await import('../../iam/review/review-lines.ts');
    const { readPolicyText } = await import('./policy-text.ts');
    const source = path === '-' ? 'stdin' : path;
    const review = reviewPolicy(await readPolicyText(path), source, words);
    this.log(reviewLines(review).join('\n'));
    for (const notice of review.notices) this.talk(printable(`devaccess: ${notice}`));
    if (isSevere(review)) process.exitCode = EXIT.failed;
    return review;
  }
}
