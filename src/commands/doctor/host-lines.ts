import type { HostStep } from '../../doctor/host/host-step.ts';
import { printable } from '../../platform/errors.ts';
import type { HostReport } from './host-report.ts';
import { findingLines } from './report-lines.ts';

/** The walk for people: what was found at each step, by the machine it is about. */
export function hostLines({
  host,
  instanceId,
  bastion,
  profile,
  region,
  steps,
  outcome,
}: HostReport): string[] {
  const id = host === instanceId ? '' : ` (${instanceId})`;
  const way = bastion === null ? '' : ` behind ${bastion}`;
  const taken = steps.filter(({ state }) => state !== 'not-reached');
  const left = steps.filter(({ state }) => state === 'not-reached');
  return [
    `${host}${id}${way}, profile ${profile}, ${region ?? 'no region'}`,
    ...taken.flatMap((step, at) => {
      const isNext = at === 0 || taken[at - 1]?.node !== step.node;
      const lines = step.findings.flatMap(findingLines);
      return isNext ? ['', step.node ?? 'Account', ...lines] : lines;
    }),
    ...(left.length === 0 ? [] : ['', `Not reached: ${left.map(label(host)).join(', ')}.`]),
    '',
    summary(taken.at(-1), outcome, host),
  ].map(printable);
}

function label(host: string) {
  return ({ step, node }: HostStep): string =>
    node === null || node === host ? step : `${step} of ${node}`;
}

function summary(last: HostStep | undefined, outcome: HostReport['outcome'], host: string): string {
  switch (outcome) {
    case 'ok':
      return 'The way is open.';
    case 'needs-person':
      return 'All that is missing is a session.';
    case 'problem': {
      return `It ends here: ${last === undefined ? 'at once' : label(host)(last)}.`;
    }
  }
}
