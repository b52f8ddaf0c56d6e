import { spawn } from 'node:child_process';
import { sshNotStarted } from '../../platform/ssh-not-started.ts';

export interface Jump {
  /** The jump host as the SSH config names it. */
  through: string;
  /** As ssh's own -F; undefined: the usual files. */
  configFile: string | undefined;
  host: string;
  port: number;
}

/**
 * Carries stdin and stdout to a server behind a jump host, as ssh itself does for ProxyJump, in this
 * process's place.
 *
 * @returns the exit code of ssh
 * @throws DevaccessError DA_NO_SSH, DA_SSH_CONNECT
 */
export function carryJump(
  { through, configFile, host, port }: Jump,
  stop: AbortSignal,
): Promise<number> {
  const file = configFile === undefined ? [] : ['-F', configFile];
  const address = host.includes(':') ? `[${host}]` : host;
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', [...file, '-W', `${address}:${port}`, '--', through], {
      stdio: 'inherit',
      windowsHide: true,
    });
    const end = (): void => void child.kill('SIGTERM');
    stop.addEventListener('abort', end);
    if (stop.aborted) end();
    child.once('error', (error) => reject(sshNotStarted(error)));
    child.once('close', (code) => {
      stop.removeEventListener('abort', end);
      resolve(code ?? 255);
    });
  });
}
