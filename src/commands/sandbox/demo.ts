import { DevaccessCommand } from '../../cli/base-command.ts';

export default class SandboxDemo extends DevaccessCommand {
  static override summary = 'Show the whole morning on a local AWS: mfa, hosts sync, ssh, scp.';
  static override description =
    'Runs in a throw-away HOME against a fresh sandbox on loopback and touches nothing of yours.';

  async run(): Promise<unknown> {
    await this.parse(SandboxDemo);
    const { runDemo } = await import('../../sandbox/demo.ts');
    const stream = this.jsonEnabled() ? process.stderr : process.stdout;
    return runDemo({
      devaccessScript: process.argv[1] ?? '',
      write: (text) => stream.write(text),
    });
  }
}
