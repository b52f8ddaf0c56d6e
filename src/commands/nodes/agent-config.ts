import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import type { AgentConfig } from '../../nodes/agent/agent-config.ts';
import { printable } from '../../platform/errors.ts';
import { configJson, configLines } from './agent-config-text.ts';
import type { AgentConfigJson } from './agent-config-text.ts';

export default class NodesAgentConfig extends DevaccessCommand {
  static override summary = "Explain and change the SSM agent's configuration on this machine.";
  static override description =
    'Shows what each key of amazon-ssm-agent.json really does, and what is harmful in it. --set ' +
    'merges single keys: everything else in the file stays as it is. Works on any file, without AWS.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --set ShareProfile=ssm-agent --dry-run',
    'sudo <%= config.bin %> <%= command.id %> --set ShareProfile=ssm-agent --unset ForceUpdateCreds',
  ];
  static override flags = {
    file: Flags.string({ helpValue: 'FILE', summary: "the file; else the agent's own" }),
    set: Flags.string({
      helpValue: 'KEY=VALUE',
      summary: 'set a key, as ShareProfile=ssm-agent; may be given again',
      multiple: true,
      default: [],
    }),
    unset: Flags.string({
      helpValue: 'KEY',
      summary: 'remove a key, so that its default holds; may be given again',
      multiple: true,
      default: [],
    }),
    'dry-run': Flags.boolean({
      default: false,
      summary: 'show the changes as a diff and write nothing',
    }),
    all: Flags.boolean({ default: false, summary: 'tell of keys, too, that the file has not' }),
  };

  async run(): Promise<AgentConfigJson> {
    const { flags } = await this.parse(NodesAgentConfig);
    const { editAgentConfig, readAgentConfig } = await import('../../nodes/agent/agent-config.ts');
    const { agentPlaces } = await import('../../nodes/agent/agent-places.ts');
    const { parseConfigChange, parseConfigRemoval } =
      await import('../../nodes/agent/config-change.ts');
    const places = agentPlaces();
    const path = resolve(flags.file ?? places.config);
    const changes = [...flags.set.map(parseConfigChange), ...flags.unset.map(parseConfigRemoval)];
    if (changes.length === 0) {
      const config = await readAgentConfig(path);
      if (!this.jsonEnabled()) this.show(config, flags.all);
      return configJson(config, null, null);
    }
    const isDry = flags['dry-run'];
    const edit = await editAgentConfig(path, changes, isDry);
    const isWritten = !isDry && edit.outcome !== 'unchanged';
    if (!this.jsonEnabled()) {
      process.stdout.write(edit.diff);
      for (const { text } of edit.after.warnings) this.talk(printable(`warning: ${text}`));
      if (edit.outcome === 'unchanged') this.talk(`Nothing to change in ${path}.`);
      else if (isDry) this.talk('Nothing was written; without --dry-run it is.');
      else
        this.talk(
          `${path} is ${edit.outcome}. The agent reads it when it starts: ${places.restart}`,
        );
    }
    return configJson(edit.after, edit, isWritten ? places.restart : null);
  }

  private show(config: AgentConfig, isAll: boolean): void {
    for (const line of configLines(config, isAll)) this.log(line);
    for (const { text } of config.warnings) this.talk(printable(`warning: ${text}`));
  }
}
