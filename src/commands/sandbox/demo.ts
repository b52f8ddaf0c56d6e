import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';

export default class SandboxDemo extends DevaccessCommand {
  static override summary = 'Show the whole morning on a local AWS: mfa, hosts sync, ssh, scp.';
  static override description =
    'Runs in a throw-away HOME against a fresh sandbox on loopback and touches nothing of yours.';
  static override flags = {
    sshd: Flags.boolean({ summary: "let the hosts be this machine's own sshd" }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(SandboxDemo);
    const { runDemo } = await import('../../sandbox/demo.ts');
    const stream = this.jsonEnabled() ? process.stderr : process.stdout;
    return runDemo({
      devaccessScript: process.argv[1] ?? '',
      sshd: flags.sshd ? 'system' : 'embedded',
      write: (text) => stream.write(text),
    });
  }
}
