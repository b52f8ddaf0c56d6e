import { Args } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import { DevaccessError, EXIT, printable } from '../../platform/errors.ts';
import { nearest } from '../../platform/nearest.ts';
import type { FixedHostsResult } from './fixed-result.ts';

export default class HostsRemove extends DevaccessCommand {
  static override summary = 'Remove fixed hosts from the config file and the SSH config.';
  static override description =
    'Takes [hosts.NAME] out of the config file, whose other bytes stay, and its entry. One that is not ' +
    'there is told of, and nothing else.';
  static override examples = ['<%= config.bin %> <%= command.id %> nas old-db'];
  static override usage = '<%= command.id %> NAME... [flags]';
  static override completes = 'fixed' as const;
  static override strict = false;
  static override args = {
    name: Args.string({ required: true, description: 'name of a fixed host; or several' }),
  };
  static override flags = {};

  async run(): Promise<FixedHostsResult> {
    const { argv } = await this.parse(HostsRemove);
    const names = argv as string[];
    const { readConfig } = await import('../../config/config-file.ts');
    const { editConfig } = await import('../../config/edit-config.ts');
    const { withoutFixedHosts } = await import('../../config/fixed-host-edit.ts');
    const { fixedRemarks, fixedSummary, writeFixedHosts } = await import('./fixed-result.ts');
    const known = [...readConfig(process.env).hosts.keys()];
    for (const name of names) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      // A slip of the hand must not pass for something done.
      if (near !== undefined) throw unknown(name, near);
      this.talk(printable(`devaccess: there is no fixed host '${name}'`));
    }
    const config = await editConfig(process.env, (text) => withoutFixedHosts(text, names));
    const result = await writeFixedHosts(config, this.config.root, process.env);
    for (const remark of fixedRemarks(result)) this.talk(remark);
    this.log(fixedSummary(result));
    return result;
  }
}

function unknown(name: string, near: string): DevaccessError {
  return new DevaccessError('DA_HOST_UNKNOWN', `There is no fixed host '${name}'`, {
    next: `did you mean ${near}?`,
    exitCode: EXIT.usage,
  });
}
