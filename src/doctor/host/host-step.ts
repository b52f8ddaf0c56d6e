import { DevaccessError, EXIT } from '../../platform/errors.ts';
import { finding } from '../../platform/finding.ts';
import type { Finding } from '../../platform/finding.ts';
import { outcomeOf } from '../report.ts';
import type { Outcome } from '../report.ts';

/** The path to a server, in the order in which it is walked. */
export type StepName =
  | 'credentials'
  | 'endpoints'
  | 'inventory'
  | 'ssh config'
  | 'agent'
  | 'StartSession'
  | 'data channel'
  | 'port'
  | 'host key'
  | 'login';

/** A step of the path, for `--json`. */
export interface HostStep {
  step: StepName;
  /** The node it is about, the server or the bastion in front of it; null: the account. */
  node: string | null;
  state: 'passed' | 'failed' | 'needs-person' | 'not-reached';
  findings: Finding[];
}

/** A step that is still to be taken. */
export interface PlannedStep {
  step: StepName;
  node: string | null;
  /** A finding of severity `problem` ends the walk, and so does a DevaccessError. */
  take: () => Promise<readonly Finding[]> | readonly Finding[];
}

/**
 * Takes one step after the other up to the first that has a problem; the rest is not reached.
 *
 * @param needsPerson ids of problems that a code or a sign-in puts right
 */
export async function walk(
  plan: readonly PlannedStep[],
  needsPerson: ReadonlySet<string>,
  stop: AbortSignal,
): Promise<HostStep[]> {
  const steps: HostStep[] = [];
  let isBroken = false;
  for (const { step, node, take } of plan) {
    if (isBroken || stop.aborted) {
      steps.push({ step, node, state: 'not-reached', findings: [] });
      continue;
    }
    const { findings, isForPerson } = await taken(take, needsPerson);
    isBroken = findings.some(({ severity }) => severity === 'problem');
    const broken = isForPerson ? 'needs-person' : 'failed';
    steps.push({ step, node, state: isBroken ? broken : 'passed', findings: [...findings] });
  }
  return steps;
}

async function taken(
  take: PlannedStep['take'],
  needsPerson: ReadonlySet<string>,
): Promise<{ findings: readonly Finding[]; isForPerson: boolean }> {
  try {
    const findings = await take();
    return { findings, isForPerson: outcomeOf(findings, needsPerson) === 'needs-person' };
  } catch (error) {
    if (!(error instanceof DevaccessError)) throw error;
    const isForPerson = error.exitCode === EXIT.needsPerson;
    return { findings: [errorFinding('step-failed', 'problem', error)], isForPerson };
  }
}

export function outcomeOfWalk(steps: readonly HostStep[]): Outcome {
  if (steps.some(({ state }) => state === 'failed')) return 'problem';
  return steps.some(({ state }) => state === 'needs-person') ? 'needs-person' : 'ok';
}

/** An error of a call as a finding. */
export function errorFinding(
  id: string,
  severity: Finding['severity'],
  { message, next }: DevaccessError,
): Finding {
  return finding(id, severity, message, next === undefined ? null : { edit: next });
}
