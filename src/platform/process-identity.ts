import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from './file-errors.ts';

/** A process told apart from another one that gets its number later. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  /** When it was started, in a form only good for comparing. */
  started: string;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), started: startedMark(process.pid) ?? '' };
}

/** Whether a process of this computer is still the one that was recorded, and has not ended. */
export function isSameProcess({ pid, host, started }: ProcessIdentity): boolean {
  if (host !== hostname() || !processExists(pid)) return false;
  // One that nobody has waited for keeps its number, and does nothing any more.
  return processStat(pid)?.state !== 'Z' && startedMark(pid) === started;
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** When a process was started, in kernel ticks since boot (Linux); null elsewhere. */
export function startTicks(pid: number | 'self'): string | null {
  return processStat(pid)?.startTicks ?? null;
}

/** Fields 3 and 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets. */
function processStat(
  pid: number | 'self',
): { state: string | undefined; startTicks: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startTicks: fields[19] };
  } catch {
    return undefined;
  }
}

/** Ticks count from boot, so the boot belongs to them; other systems tell the time by `ps`. */
function startedMark(pid: number): string | undefined {
  const ticks = startTicks(pid);
  try {
    if (ticks !== null) {
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
    }
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC0' };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env,
      encoding: 'utf8',
    }).trim();
  } catch {
    return undefined;
  }
}
