import { DevaccessError } from '../platform/errors.ts';
import { hostAndPort } from '../platform/remote-host.ts';

export interface Destination {
  /** Node that the session runs on. */
  target: string;
  port: number;
  /** A host that the target forwards to; undefined for the target itself. */
  remoteHost: string | undefined;
}

/** The agent works, and its connection to the destination does not come about. */
export function portUnreachable({ target, port, remoteHost }: Destination): DevaccessError {
  if (remoteHost !== undefined) {
    return new DevaccessError(
      'DA_REMOTE_UNREACHABLE',
      `The agent on ${target} answered, but cannot reach ${hostAndPort(remoteHost, port)} from there.`,
      { next: `check the address, and that security groups let ${target} connect to it.` },
    );
  }
  return new DevaccessError(
    'DA_PORT_SILENT',
    `The agent on ${target} answered, but nothing answers on port ${port} there.`,
    { next: `check that its server runs on ${target} and listens on port ${port}.` },
  );
}
