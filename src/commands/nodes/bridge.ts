import { join, resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import type { BridgeResult } from '../../nodes/bridge/bridge.ts';
import { printable } from '../../platform/errors.ts';
import { bridgePlan, bridgeWords, watchedFile } from './bridge-flags.ts';

type WrittenUnits = { units: string[]; commands: string[] };

export default class NodesBridge extends DevaccessCommand {
  static override summary =
    "Publish this machine's credentials, or a role's, to the services of one group.";
  static override description =
    'Run as root by systemd (--units writes a service, a timer and a path unit): reads the credentials ' +
    'that the SSM agent shares, or those of the instance metadata service, assumes a role with ' +
    'them, and publishes it for `nodes credentials`. What is published stays until newer credentials ' +
    'are there.';
  static override examples = [
    'sudo <%= config.bin %> <%= command.id %> --name shop --group shop --role-arn arn:aws:iam::123456789012:role/shop --units /etc/systemd/system',
    'sudo <%= config.bin %> <%= command.id %> --name shop --group shop --role-arn arn:aws:iam::123456789012:role/shop',
  ];
  static override flags = {
    name: Flags.string({ helpValue: 'NAME', required: true, summary: 'of what is published' }),
    group: Flags.string({ helpValue: 'GROUP', summary: 'who may read it; else root alone' }),
    source: Flags.option({
      options: ['agent', 'imds'] as const,
      default: 'agent' as const,
      summary: 'the SSM agent, or the instance metadata service (IMDSv2)',
    })(),
    'role-arn': Flags.string({ helpValue: 'ARN', summary: 'role of the application' }),
    'role-session-name': Flags.string({ helpValue: 'N', summary: "else the machine's id" }),
    'external-id': Flags.string({ helpValue: 'ID', summary: 'that the role asks for' }),
    duration: Flags.integer({
      helpValue: 'SECONDS',
      default: 3600,
      min: 900,
      max: 3600,
      summary: 'of the role; AWS gives an hour at most here',
    }),
    region: Flags.string({ helpValue: 'R', summary: 'whose STS is asked' }),
    'allow-node-credentials': Flags.boolean({
      default: false,
      summary: "without a role: publish the machine's own credentials",
    }),
    dir: Flags.string({ helpValue: 'FOLDER', summary: 'where; else /run/devaccess/credentials' }),
    'agent-state': Flags.string({ helpValue: 'FILE', summary: "the agent's identity_config.json" }),
    'credentials-file': Flags.string({
      helpValue: 'FILE',
      summary: "the agent's, where it is moved",
    }),
    'credentials-profile': Flags.string({ helpValue: 'P', summary: 'section in it' }),
    units: Flags.string({ helpValue: 'FOLDER', summary: 'write systemd units that run this' }),
  };

  async run(): Promise<BridgeResult | WrittenUnits> {
    const { flags } = await this.parse(NodesBridge);
    const plan = await bridgePlan(flags, process.env);
    if (flags.units !== undefined) return this.writeUnits(flags.units, flags, plan);
    const { bridge } = await import('../../nodes/bridge/bridge.ts');
    const result = await bridge(plan, { env: process.env, now: Date.now });
    const { outcome, path, expiration } = result;
    if (!this.jsonEnabled()) this.log(printable(`${outcome} ${path}, good until ${expiration}`));
    return result;
  }

  private async writeUnits(
    folder: string,
    flags: Parameters<typeof bridgeWords>[0],
    plan: Awaited<ReturnType<typeof bridgePlan>>,
  ): Promise<WrittenUnits> {
    const { bridgeUnits, writeUnits } = await import('../../nodes/bridge/units.ts');
    const { stableNodePath } = await import('../../platform/node-path.ts');
    const script = join(this.config.root, 'bin', 'devaccess.js');
    const command = [stableNodePath(process.execPath), script, ...bridgeWords(flags)];
    const watched = await watchedFile(plan);
    const units = bridgeUnits({ name: plan.name, command, folder: plan.folder, watched });
    const commands = await writeUnits(resolve(folder), units);
    const files = units.map(({ file }) => join(resolve(folder), file));
    if (!this.jsonEnabled()) for (const file of files) this.log(file);
    this.talk(`To start it: ${commands.join(' && ')}`);
    return { units: files, commands };
  }
}
