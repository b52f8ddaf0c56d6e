import { DevaccessCommand } from '../../cli/base-command.ts';
import type { NodeRotation } from '../../nodes/rotate/rotate-credentials.ts';
import { withNodeApi, exitCodeOf } from './node-flags.ts';
import { ROTATE_FLAGS } from './rotate-flags.ts';
import {
  INSTALL_ADVICE,
  rotationLines,
  rotationPlan,
  rotationSummary,
  STOPPING,
} from './rotation-text.ts';

type RotateJson = { nodes: NodeRotation[] } | { associationId: string } | { template: unknown };

export default class NodesRotate extends DevaccessCommand {
  static override summary = 'Bring credentials of a role to machines outside AWS, by Run Command.';
  static override description =
    'Assumes the role for each node, and has the node publish it for `nodes credentials`. ' +
    '--via parameter: nodes fetch from the Parameter Store, with the AWS CLI. --via sealed: encrypted ' +
    'to the key of each node (`nodes init`), which has devaccess. No secret is in a command, and old ' +
    'credentials stay where new ones do not arrive. --schedule has it done again and again.';
  static override usage =
    '<%= command.id %> [NODE...] [--tag K=V] --name NAME --role-arn ARN [flags]';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --tag Site=Berlin --name shop --group shop --role-arn arn:aws:iam::123456789012:role/shop',
    '<%= config.bin %> <%= command.id %> mi-0123456789abcdef0 --name shop --role-arn arn:aws:iam::123456789012:role/shop --via sealed --keys node-keys',
    "<%= config.bin %> <%= command.id %> --tag Site=Berlin --name shop --role-arn arn:aws:iam::123456789012:role/shop --duration 5400 --schedule 'rate(30 minutes)' --format cloudformation",
  ];
  static override strict = false;
  static override flags = ROTATE_FLAGS;

  async run(): Promise<RotateJson> {
    const { argv, flags } = await this.parse(NodesRotate);
    const { checkRotateFlags } = await import('./rotate-flags.ts');
    const plan = checkRotateFlags(flags, argv as string[]);
    if (plan.schedule !== undefined && flags.format !== undefined) {
      const { templateOf } = await import('./rotate-plan.ts');
      const text = templateOf(plan, flags.format);
      if (!this.jsonEnabled()) process.stdout.write(text);
      if (flags.scheduler === 'eventbridge') this.talk(INSTALL_ADVICE);
      return { template: JSON.parse(text) as unknown };
    }
    const { rotationOf, scheduleOf } = await import('./rotate-plan.ts');
    const { chooseAccess } = await import('../../credentials/access.ts');
    const { takeStopSignals } = await import('../../platform/stop-request.ts');
    if (plan.schedule !== undefined) {
      const associationId = await withNodeApi(flags, (api) => scheduleOf(plan, api));
      if (!this.jsonEnabled()) this.log(`association ${associationId}`);
      this.talk(
        'Nodes fetch; have credentials put there as often: the same command with --put-only.',
      );
      return { associationId };
    }
    const access = await chooseAccess(flags, process.env, Date.now());
    return withNodeApi(flags, async (api) => {
      const { rotateCredentials } = await import('../../nodes/rotate/rotate-credentials.ts');
      const notice = (text: string): void => this.talk(text);
      const stop = takeStopSignals(() => notice(STOPPING));
      const rotation = await rotationOf(plan, { api, access, stop: stop.signal, notice });
      notice(rotationPlan(rotation.nodes.length, plan));
      const nodes = await rotateCredentials(rotation);
      stop.release();
      const failed = nodes.filter(({ status }) => status !== 'Success').length;
      process.exitCode = stop.exitCode ?? exitCodeOf(failed, nodes.length);
      if (!this.jsonEnabled()) for (const line of rotationLines(nodes)) this.log(line);
      this.talk(rotationSummary(nodes));
      return { nodes };
    });
  }
}
