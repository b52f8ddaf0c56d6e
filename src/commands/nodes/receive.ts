import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';

export default class NodesReceive extends DevaccessCommand {
  static override summary = 'Open credentials that were sealed for this node, and publish them.';
  static override description =
    'Run by the document of `nodes rotate --via sealed`; nobody else has a reason to. Refuses what was ' +
    'sealed for another node or name, what is over, and what is not younger than what is there.';
  static override hidden = true;
  static override enableJsonFlag = false;
  static override flags = {
    name: Flags.string({ helpValue: 'NAME', required: true, summary: 'what it is published as' }),
    group: Flags.string({ helpValue: 'GROUP', default: '', summary: 'who may read it' }),
    dir: Flags.string({ helpValue: 'FOLDER', summary: 'where it is published' }),
    payload: Flags.string({ helpValue: 'TEXT', required: true, summary: 'as it was sealed' }),
    'key-file': Flags.string({ helpValue: 'FILE', summary: 'key of this node' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(NodesReceive);
    const { findGroup } = await import('../../nodes/bridge/find-group.ts');
    const { PUBLISHED_FOLDER } = await import('../../nodes/bridge/published-credentials.ts');
    const { NODE_KEY_FILE } = await import('../../nodes/rotate/node-keys.ts');
    const { receive } = await import('../../nodes/rotate/receive.ts');
    const receipt = await receive(
      {
        name: flags.name,
        folder: resolve(flags.dir ?? PUBLISHED_FOLDER),
        gid: flags.group === '' ? undefined : findGroup(flags.group),
        keyFile: resolve(flags['key-file'] ?? NODE_KEY_FILE),
        payload: flags.payload,
        instanceId: process.env['AWS_SSM_INSTANCE_ID'],
      },
      Date.now(),
    );
    this.log(receipt);
  }
}
