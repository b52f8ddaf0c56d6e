import { spawnSync } from 'node:child_process';

/** Everything a process started, and what that started: new sessions and groups hide nothing. */
export function descendantsOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const parents = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([child = 0, parent = 0]) => ({ child, parent }));
  const found = [pid];
  for (const ancestor of found) {
    for (const { child, parent } of parents) if (parent === ancestor) found.push(child);
  }
  return found.slice(1);
}

/** Kills a process and everything below it. */
export function killTree(pid: number): void {
  for (const each of [pid, ...descendantsOf(pid)]) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
