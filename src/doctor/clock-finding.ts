import { finding } from '../platform/finding.ts';
import type { Finding, Fix } from '../platform/finding.ts';
import type { EndpointProbe } from './probe-endpoint.ts';

/** SigV4: AWS refuses what was signed more than this before or after it arrives. */
const REFUSED_S = 5 * 60;
/** Nearer than this nobody can tell: `Date` has whole seconds. */
const UNSURE_S = 3;
const WORTH_TELLING_S = 60;

/**
 * How far this computer's clock is from that of AWS, in seconds; positive: ahead. The middle of all
 * answers, as one of them may come from a machine whose clock is wrong.
 */
export function clockSkewSeconds(probes: readonly EndpointProbe[]): number | undefined {
  const skews = probes.flatMap(({ outcome }) => {
    if (outcome.state !== 'answers' || outcome.serverMs === undefined) return [];
    // `Date` is cut to whole seconds.
    return [(outcome.clockMs - outcome.serverMs - 500) / 1000];
  });
  skews.sort((one, other) => one - other);
  const middle = skews[Math.floor((skews.length - 1) / 2)];
  return middle === undefined ? undefined : Math.round(middle);
}

export function clockFinding(skewSeconds: number | undefined, platform: NodeJS.Platform): Finding {
  if (skewSeconds === undefined) {
    return finding('clock-unknown', 'note', 'The clock could not be compared: nothing answered');
  }
  const off = Math.abs(skewSeconds);
  if (off <= UNSURE_S) return finding('clock', 'ok', 'The clock is right');
  const side = skewSeconds > 0 ? 'ahead' : 'behind';
  const what = `The clock is ${duration(off)} ${side} of AWS's`.replace('behind of', 'behind');
  if (off >= REFUSED_S) {
    return finding(
      'clock-skew',
      'problem',
      `${what}: AWS refuses what is signed more than 5 min off`,
      clockFix(platform),
    );
  }
  if (off < WORTH_TELLING_S) return finding('clock', 'ok', what);
  return finding(
    'clock-skew',
    'warning',
    `${what}; from 5 min on AWS refuses every call`,
    clockFix(platform),
  );
}

function clockFix(platform: NodeJS.Platform): Fix {
  switch (platform) {
    case 'linux':
      return { command: 'sudo timedatectl set-ntp true' };
    case 'darwin':
      return { command: 'sudo sntp -sS time.apple.com' };
    case 'win32':
      return { command: 'w32tm /resync' };
    default:
      return { edit: 'turn on automatic time' };
  }
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
