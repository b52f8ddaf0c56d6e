import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../../cli/base-command.ts';
import type { DeletedActivation } from '../../../nodes/activations.ts';
import { EXIT, printable } from '../../../platform/errors.ts';
import { ACCOUNT_FLAGS, exitCodeOf, withNodeApi } from '../node-flags.ts';

export default class NodesActivationsDelete extends DevaccessCommand {
  static override summary = 'Delete activations: those named, or all by which nobody can register.';
  static override description = 'Nodes that registered by them stay as they are.';
  static override usage = '<%= command.id %> [ACTIVATION...] [--closed] [flags]';
  static override examples = [
    '<%= config.bin %> <%= command.id %> 01234567-89ab-cdef-0123-456789abcdef',
    '<%= config.bin %> <%= command.id %> --closed',
  ];
  static override strict = false;
  static override flags = {
    closed: Flags.boolean({ default: false, summary: 'all that are expired or used up' }),
    ...ACCOUNT_FLAGS,
  };

  async run(): Promise<{ activations: DeletedActivation[] }> {
    const { argv, flags } = await this.parse(NodesActivationsDelete);
    const { deleteActivations, listActivations } = await import('../../../nodes/activations.ts');
    const named = [...new Set(argv as string[])];
    if (named.length > 0 === flags.closed) {
      this.error('name activations, or choose them by --closed, not both', { exit: EXIT.usage });
    }
    return withNodeApi(flags, async (api) => {
      const closed = flags.closed ? await listActivations(api) : [];
      const ids = closed
        .filter(({ state }) => state !== 'open')
        .map(({ activationId }) => activationId);
      const activations = await deleteActivations(api, flags.closed ? ids : named);
      const failed = activations.filter(({ deleted }) => !deleted).length;
      process.exitCode = exitCodeOf(failed, activations.length);
      if (!this.jsonEnabled()) this.show(activations);
      return { activations };
    });
  }

  private show(activations: readonly DeletedActivation[]): void {
    if (activations.length === 0) this.talk('No activation to delete.');
    for (const { activationId, error } of activations) {
      if (error === null) this.log(`deleted ${activationId}`);
      else this.talk(printable(`${activationId}: ${error.message} [${error.code}]`));
    }
  }
}
