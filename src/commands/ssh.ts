import { Args, Flags } from '@oclif/core';
import { DevaccessCommand } from '../cli/base-command.ts';
import { DevaccessError, EXIT } from '../platform/errors.ts';
import { sshDirectory } from '../platform/paths.ts';

export default class Ssh extends DevaccessCommand {
  static override completes = 'hosts' as const;
  static override enableJsonFlag = false;
  static override summary = 'Choose a synced server, and run ssh to it.';
  static override description =
    'A few letters of a name, id, address, profile or region find it; those of one server alone need no ' +
    'choosing. What stands behind -- goes to ssh.';
  static override usage = '<%= command.id %> [LETTERS...] [--print] [-- SSH ARGUMENTS...]';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> web prod -- -L 8080:localhost:80',
    'rsync -a site/ "$(<%= config.bin %> <%= command.id %> --print web)":site/',
  ];
  static override strict = false;
  static override args = { letters: Args.string({ description: 'letters that it has' }) };
  static override flags = {
    print: Flags.boolean({ summary: 'print the name on stdout, and do not run ssh' }),
  };

  async run(): Promise<void> {
    const at = this.argv.indexOf('--');
    const rest = at < 0 ? [] : this.argv.slice(at + 1);
    // Parsing changes what is left in `argv`.
    const { argv, flags } = await this.parse(Ssh, at < 0 ? this.argv : this.argv.slice(0, at));
    const { readSyncedHosts } = await import('../hosts/synced-hosts.ts');
    const { searchHosts, sshName, wayTo } = await import('../hosts/host-search.ts');
    const all = readSyncedHosts(sshDirectory(process.env));
    const letters = argv.join(' ');
    const exact = all.filter(({ alias, instanceId }) => [alias, instanceId].includes(letters));
    const hosts = exact.length === 0 ? searchHosts(all, letters) : exact;
    const [first] = hosts;
    if (first === undefined) throw nothingFound(letters, all.length);
    let name = sshName(first, all);
    if (hosts.length > 1) {
      const { chooseOnTerminal } = await import('../platform/terminal.ts');
      const choices = (typed: string) =>
        searchHosts(hosts, typed).map((host) => {
          const value = sshName(host, all);
          return { value, name: value, description: wayTo(host) };
        });
      name = await chooseOnTerminal('Server:', choices, 'name one: ssh NAME');
    }
    if (flags.print) {
      this.log(name);
      return;
    }
    const { endAlike, runChild } = await import('../platform/run-child.ts');
    const { ownSshConfig } = await import('../platform/ssh-configuration.ts');
    const file = ownSshConfig(process.env);
    const config = file === undefined ? [] : ['-F', file];
    endAlike(await runChild('ssh', [...config, name, ...rest], process.env));
  }
}

function nothingFound(letters: string, count: number): DevaccessError {
  const what = count === 0 ? 'There are no synced hosts' : `No synced host has '${letters}'`;
  return new DevaccessError('DA_HOST_UNKNOWN', what, {
    next: "run 'devaccess hosts sync'",
    exitCode: EXIT.usage,
  });
}
