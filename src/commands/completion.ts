import { Args } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export default class Completion extends DevaccessCommand {
  static override enableJsonFlag = false;
  static override summary = 'Print what makes a shell complete commands, flags and host names.';
  static override description =
    'The script reads what `hosts sync` wrote, the AWS files and the config file; completing asks neither AWS nor this program.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> bash > ~/.local/share/bash-completion/completions/devaccess',
    '<%= config.bin %> <%= command.id %> zsh > ~/.zfunc/_devaccess  # with fpath+=~/.zfunc before compinit',
    '<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/devaccess.fish',
  ];
  static override args = {
    shell: Args.string({ required: true, options: [...SHELLS], description: SHELLS.join(', ') }),
  };

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const { COMMANDS } = await import('./commands.ts');
    const { commandWords } = await import('../cli/completion/command-words.ts');
    const { bashCompletion } = await import('../cli/completion/bash.ts');
    const { zshCompletion } = await import('../cli/completion/zsh.ts');
    const { fishCompletion } = await import('../cli/completion/fish.ts');
    const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
    const topics = Object.fromEntries(
      this.config.topics.map(({ name, description = '' }) => [name, description]),
    );
    const words = commandWords(COMMANDS);
    this.log(scripts[args.shell as (typeof SHELLS)[number]](words, topics).trimEnd());
  }
}
