import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  isSameProcess,
  ownIdentity,
  processExists,
} from '../../../src/platform/process-identity.ts';

const own = ownIdentity();

// Elsewhere the start is told by ps.
describe.runIf(process.platform === 'linux')('isSameProcess', () => {
  it('knows a process that runs', () => {
    expect(isSameProcess(own)).toBe(true);
  });

  it('takes none for another that has its number', () => {
    expect(
      isSameProcess({
        ...own,
        started: own.started.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
      }),
    ).toBe(false);
    expect(isSameProcess({ ...own, pid: process.ppid })).toBe(false);
    expect(isSameProcess({ ...own, host: `not-${own.host}` })).toBe(false);
  });

  it('takes one that has ended for gone, even while nobody has waited for it', async () => {
    // The inner sleep becomes a zombie: its parent has become another program that does not wait.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60']);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const started = startOf(pid);
    const zombie = { ...own, pid, started };
    for (let tries = 0; isSameProcess(zombie) && tries < 500; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(isSameProcess(zombie)).toBe(false);
    expect(processExists(pid)).toBe(true);
    parent.kill('SIGKILL');
  });
});

/** As the process itself would tell it. */
function startOf(pid: number): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!}`;
}
