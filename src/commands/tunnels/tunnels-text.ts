import { printable } from '../../platform/errors.ts';
import type { EndedTunnels } from '../../session/tunnels/end-tunnels.ts';
import type { TunnelStatus } from '../../session/tunnels/tunnel-status.ts';
import type { AlreadyUp } from './prepare-up.ts';

/** `db: 127.0.0.1:15432 to db.internal:5432 through bastion`, for each listener. */
export function listenersText({ name, host, listeners }: TunnelStatus): string[] {
  return listeners.map(({ listen, remote }) =>
    printable(`${name}: ${listen} to ${remote} through ${host}`),
  );
}

export function alreadyUpText({ name, pid, ...other }: AlreadyUp): string {
  const again = `run 'devaccess tunnels down ${name}' and up again`;
  const where = other.isDetached ? 'detached' : 'in another terminal';
  const text = `${name} is up already (${where}, process ${pid})`;
  if (other.isHung) return `${text}, but its process does not answer: ${again}`;
  return other.isOutdated ? `${text}; its settings have changed since: ${again}` : text;
}

export function leftSessionText({ sessionId, why }: EndedTunnels['leftSessions'][number]): string {
  return printable(
    `session ${sessionId} of a process that was killed could not be ended (${why}); it ends by itself when idle`,
  );
}
