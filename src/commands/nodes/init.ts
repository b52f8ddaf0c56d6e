import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { DevaccessError, EXIT } from '../../platform/errors.ts';

export default class NodesInit extends DevaccessCommand {
  static override summary = 'Make the key of this node, to which credentials can be sealed.';
  static override description =
    'For `nodes rotate --via sealed`. Prints the line for the list of the controller (--keys); the ' +
    'private half stays here, 0600. A key that is there stays.';
  static override examples = [
    'sudo <%= config.bin %> <%= command.id %>',
    'devaccess run --tag Site=Berlin --via run-command -- devaccess nodes init',
  ];
  static override flags = {
    'instance-id': Flags.string({ helpValue: 'ID', summary: 'mi-…; else as the agent has it' }),
    'key-file': Flags.string({ helpValue: 'FILE', summary: 'where; else /var/lib/devaccess' }),
  };

  async run(): Promise<{ line: string; path: string }> {
    const { flags } = await this.parse(NodesInit);
    const { agentPlaces } = await import('../../nodes/agent/agent-places.ts');
    const { readIdentityState } = await import('../../nodes/agent/agent-files.ts');
    const { isNodeId } = await import('../../nodes/node-list.ts');
    const { initNodeKey, NODE_KEY_FILE, nodeKeyLine } =
      await import('../../nodes/rotate/node-keys.ts');
    const state = flags['instance-id'] ?? process.env['AWS_SSM_INSTANCE_ID'];
    const id = state ?? (await readIdentityState(agentPlaces().identityState))?.instanceId ?? '';
    if (!isNodeId(id)) {
      throw new DevaccessError('DA_USAGE', 'Which node this is cannot be found out', {
        next: 'give --instance-id mi-…, as devaccess nodes list has it',
        exitCode: EXIT.usage,
      });
    }
    const path = resolve(flags['key-file'] ?? NODE_KEY_FILE);
    const line = nodeKeyLine(await initNodeKey(path, id));
    if (!this.jsonEnabled()) this.log(line);
    return { line, path };
  }
}
