import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';

export default class SandboxStart extends DevaccessCommand {
  static override summary =
    'Run a local AWS to try devaccess on: STS, IAM, EC2, SSM, KMS and the message gateway.';
  static override description =
    'Serves on loopback only, with a fresh account: a user with an MFA device, a bastion, and private hosts behind it. ' +
    'Prints what to export so that devaccess, the AWS CLI and SDKs use it. Ctrl-C ends it.';
  static override examples = [
    '<%= config.bin %> sandbox start',
    '<%= config.bin %> sandbox start --port 4599 --json',
  ];
  static override flags = {
    port: Flags.integer({
      summary: 'TCP port on loopback; 0: any free one',
      default: 0,
      min: 0,
      max: 65_535,
    }),
    region: Flags.string({ summary: 'region of the seeded resources', default: 'us-east-1' }),
    'state-dir': Flags.string({
      summary: 'folder for keys and AWS files; a throw-away one by default',
    }),
    'instance-metadata': Flags.boolean({
      summary: 'serve the metadata of the bastion, as on an EC2 instance (IMDSv2)',
    }),
    servers: Flags.integer({
      summary: 'that many more servers, in name alone, to see how a large account behaves',
      default: 0,
      min: 0,
      max: 200_000,
    }),
    'servers-in': Flags.string({
      summary: 'region of those servers; several share them; --region by default',
      multiple: true,
    }),
    sshd: Flags.boolean({ summary: "let the hosts be this machine's own sshd" }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(SandboxStart);
    const { runSandbox } = await import('../../sandbox/run-sandbox.ts');
    await runSandbox({
      port: flags.port,
      region: flags.region,
      stateDir: flags['state-dir'],
      instanceMetadata: flags['instance-metadata'],
      crowd: {
        servers: flags.servers,
        regions: flags['servers-in'] ?? [flags.region],
      },
      sshd: flags.sshd ? 'system' : 'embedded',
      // One line when it is up: whoever started it with --json waits for that.
      announce: (facts, text) => {
        process.stdout.write(this.jsonEnabled() ? `${JSON.stringify(facts)}\n` : text);
      },
    });
  }
}
