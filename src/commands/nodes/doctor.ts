import { Flags } from '@oclif/core';
import { DevaccessCommand } from '../../cli/base-command.ts';
import type { Exposed } from '../../nodes/doctor/exposure.ts';
import { EXIT, printable } from '../../platform/errors.ts';
import type { Finding } from '../../platform/finding.ts';
import { findingLines } from '../doctor/report-lines.ts';

interface NodeDoctorJson {
  outcome: 'ok' | 'problem';
  findings: Finding[];
  /** What --fix has put right. */
  fixed: string[];
}

export default class NodesDoctor extends DevaccessCommand {
  static override summary = "Check this machine's SSM agent, and who can get at its credentials.";
  static override description =
    'Looks at the agent, its configuration and credentials, at what the bridge has published, and for ' +
    "what folklore does to root's home (chmod, links). --fix takes that back: it closes what is open to " +
    'others and removes the links, nothing else. Asks nobody over the network.';
  static override examples = [
    'sudo <%= config.bin %> <%= command.id %>',
    'sudo <%= config.bin %> <%= command.id %> --fix',
  ];
  static override flags = {
    fix: Flags.boolean({ default: false, summary: "close root's home and credentials to others" }),
  };

  async run(): Promise<NodeDoctorJson> {
    const { flags } = await this.parse(NodesDoctor);
    const { agentPlaces } = await import('../../nodes/agent/agent-places.ts');
    const { checkNode, isAgentRunning } = await import('../../nodes/doctor/node-checkup.ts');
    const { PUBLISHED_FOLDER } = await import('../../nodes/bridge/published-credentials.ts');
    const world = {
      places: agentPlaces(),
      home: process.platform === 'darwin' ? '/var/root' : '/root',
      passwd: '/etc/passwd',
      published: PUBLISHED_FOLDER,
      isRunning: isAgentRunning,
      now: Date.now,
    };
    if (process.geteuid !== undefined && process.geteuid() !== 0) {
      this.talk('devaccess: without root much of this cannot be seen');
    }
    let checkup = await checkNode(world);
    const fixed = flags.fix ? await this.takeBack(checkup.exposed) : [];
    if (fixed.length > 0) checkup = await checkNode(world);
    const { findings } = checkup;
    const isProblem = findings.some(({ severity }) => severity === 'problem');
    if (isProblem) process.exitCode = EXIT.failed;
    if (!this.jsonEnabled()) {
      for (const line of findings.flatMap(findingLines)) this.log(printable(line));
      if (checkup.exposed.length > 0) this.talk('To close what is open to others: add --fix');
    }
    return { outcome: isProblem ? 'problem' : 'ok', findings, fixed };
  }

  private async takeBack(exposed: readonly Exposed[]): Promise<string[]> {
    const { undoExposure } = await import('../../nodes/doctor/exposure.ts');
    const done: string[] = [];
    for (const { finding, undo } of exposed) {
      const command =
        finding.fix !== null && 'command' in finding.fix ? finding.fix.command : finding.what;
      try {
        undoExposure(undo);
        done.push(command);
        this.talk(printable(`done: ${command}`));
      } catch (error) {
        this.talk(printable(`failed: ${command}: ${error instanceof Error ? error.message : ''}`));
      }
    }
    return done;
  }
}
