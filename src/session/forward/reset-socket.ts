import type { Socket } from 'node:net';

/** Ends a local connection so that its program sees a failure, not the end of the data. */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  // Unix sockets cannot be reset; closing is all there is.
  if (socket.remotePort === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
