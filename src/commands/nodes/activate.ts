import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { EXIT } from '../../platform/errors.ts';
import { activationText } from './activation-text.ts';
import type { Activated } from './activation-text.ts';
import { ACCOUNT_FLAGS, withNodeApi } from './node-flags.ts';

export default class NodesActivate extends DevaccessCommand {
  static override summary = 'Create an activation, by which machines outside AWS become nodes.';
  static override description =
    'AWS tells the activation code once. With --out it goes to a file of mode 0600, beside the ' +
    'scripts that install and register the agent; else it is printed, and `nodes install-script` ' +
    'prints a script.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --role hybrid-nodes --name shop-berlin --out ./shop-berlin',
    '<%= config.bin %> <%= command.id %> --role hybrid-nodes --limit 20 --expires 7d --tag Site=Berlin',
  ];
  static override flags = {
    role: Flags.string({
      helpValue: 'NAME',
      required: true,
      summary: "the nodes' IAM role; it must trust ssm.amazonaws.com",
    }),
    limit: Flags.integer({
      helpValue: 'N',
      summary: 'how many machines may register',
      default: 1,
      min: 1,
      max: 1000,
    }),
    expires: Flags.string({
      helpValue: 'TIME',
      summary: 'for how long, as 90m, 24h or 30d',
      default: '24h',
    }),
    name: Flags.string({ helpValue: 'N', summary: 'what the nodes are called' }),
    tag: Flags.string({
      helpValue: 'K=V',
      summary: 'tag of the nodes; may be given again',
      multiple: true,
      default: [],
    }),
    description: Flags.string({ helpValue: 'TEXT', summary: 'what the activation is for' }),
    out: Flags.string({ helpValue: 'FOLDER', summary: 'folder for the code and the scripts' }),
    ...ACCOUNT_FLAGS,
  };

  async run(): Promise<Activated> {
    const { flags } = await this.parse(NodesActivate);
    const { readActivationWish } = await import('../../nodes/activation-request.ts');
    const { createActivation } = await import('../../nodes/activations.ts');
    const { activateIntoFolder } = await import('../../nodes/activate.ts');
    const { takeStopSignals } = await import('../../platform/stop-request.ts');
    const { out } = flags;
    if (this.jsonEnabled() && out === undefined) {
      this.error('--json shows no secret: give the activation code a place by --out', {
        exit: EXIT.usage,
      });
    }
    const request = readActivationWish({ ...flags, tags: flags.tag }, Date.now());
    return withNodeApi(flags, async (api) => {
      // An activation whose code nobody has seen is of no use: from here on it is finished.
      const stop = takeStopSignals();
      const { activation, files } =
        out === undefined
          ? { activation: await createActivation(api, request), files: null }
          : await activateIntoFolder(api, request, resolve(out));
      stop.release();
      const { activationId } = activation;
      const { role, limit, expiresAtMs } = request;
      const expiresAt = new Date(expiresAtMs).toISOString();
      const result = { activationId, region: api.region, role, limit, expiresAt, files };
      const { lines, next } = activationText(result, activation.activationCode);
      if (!this.jsonEnabled()) for (const line of lines) this.log(line);
      this.talk(next);
      if (stop.exitCode !== undefined) process.exitCode = stop.exitCode;
      return result;
    });
  }
}
