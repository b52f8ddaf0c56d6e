import { addFleet } from '../../../src/sandbox/fleet.ts';
import type { Fleet, FleetOptions } from '../../../src/sandbox/fleet.ts';
import type { ScriptRequest } from '../../../src/sandbox/run-command/shell-script.ts';
import { SEED } from '../../../src/sandbox/seed.ts';
import { policyOf } from '../../../src/sandbox/iam/stored-policy.ts';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts';

export interface FleetSandbox {
  sandbox: Sandbox;
  /** The role that nodes get, which the administrator may assume. */
  roleArn: string;
  /** Puts a fleet into the account, in place of the last one. */
  fleet: (options: Pick<FleetOptions, 'counts' | 'perform'> & { slowMs?: number }) => Fleet;
  /** What any of the scripts of nodes that are no fleet's runs as. */
  startOther: NonNullable<SandboxOptions['startScript']>;
  /** Every text that the sandbox has kept of Systems Manager's. */
  keptTexts: () => string;
}

/** A sandbox with a role for nodes, and a fleet of simulated ones. */
export async function startFleetSandbox(options: SandboxOptions = {}): Promise<FleetSandbox> {
  let fleet: Fleet | undefined;
  const result: FleetSandbox = {
    sandbox: await startSandbox({
      ...options,
      startScript: (id: string, script: ScriptRequest) =>
        fleet?.nodes.has(id) === true ? fleet.start(id, script) : result.startOther(id, script),
    }),
    roleArn: '',
    startOther: () => undefined,
    fleet: (wanted) => {
      const { account } = result.sandbox;
      account.nodes.length = 2;
      fleet = addFleet({
        account,
        tags: { Site: 'Berlin' },
        slowMs: 300,
        nowMs: Date.now(),
        ...wanted,
      });
      return fleet;
    },
    keptTexts: () => {
      const { commands, systemsManager } = result.sandbox;
      const { parameters, commandDocuments, associations } = systemsManager;
      return JSON.stringify([
        commands.list('us-east-1'),
        [...parameters.values()],
        commandDocuments,
        associations,
      ]);
    },
  };
  const { roles, users } = result.sandbox.account;
  const model = roles.find(({ roleName }) => roleName === SEED.nodeRoleName)!;
  const admin = users.find(({ userName }) => userName === SEED.administratorName)!;
  const statement = { Effect: 'Allow', Principal: { AWS: admin.arn }, Action: 'sts:AssumeRole' };
  result.roleArn = model.arn.replace(/[^/]*$/, 'shop');
  roles.push({
    ...model,
    roleName: 'shop',
    roleId: 'AROAABCDEFGHIJKLMNOPQ',
    arn: result.roleArn,
    inlinePolicies: new Map(),
    maxSessionDurationS: 43_200,
    trustPolicy: policyOf([statement], 'trust'),
  });
  return result;
}
