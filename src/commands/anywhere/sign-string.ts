import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { plainFlags } from '../../roles-anywhere/options.ts';
import { DIGESTS } from '../../roles-anywhere/signing-test.ts';
import { IDENTITY_FLAGS, IGNORED_DEBUG, askPassphrase } from './anywhere-flags.ts';

export default class AnywhereSignString extends DevaccessCommand {
  static override summary =
    'Sign a fixed message with a key, as aws_signing_helper sign-string does.';
  static override description =
    'To see that a key works and signs as it does in aws_signing_helper. The message depends on the ' +
    'key alone; the signature is printed in hex and is good for nothing else.';
  static override examples = ['<%= config.bin %> <%= command.id %> --private-key node.key'];
  static override enableJsonFlag = false;
  static override flags = {
    ...IDENTITY_FLAGS,
    debug: IGNORED_DEBUG,
    digest: Flags.option({ options: DIGESTS, default: 'SHA256', description: 'hash to sign' })(),
    format: Flags.option({
      options: ['json', 'text', 'bin'] as const,
      default: 'json',
      description: 'hex in quotes, hex, or the bytes',
    })(),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(AnywhereSignString, plainFlags(this.argv));
    const { digest, format, debug: _, ...given } = flags;
    const { identityPlan } = await import('../../roles-anywhere/session-plan.ts');
    const { openTestSigner, signTestMessage } =
      await import('../../roles-anywhere/signing-test.ts');
    const certificate = given.certificate ?? given['private-key'];
    const plan = identityPlan({ ...given, certificate }, process.env);
    const signer = await openTestSigner(plan, {
      say: (text) => this.talk(`devaccess: ${text}`),
      askPassphrase,
    });
    const signature = await signTestMessage(signer, digest);
    if (format === 'bin') process.stdout.write(signature);
    else
      process.stdout.write(
        format === 'json' ? JSON.stringify(signature.toString('hex')) : signature.toString('hex'),
      );
  }
}
