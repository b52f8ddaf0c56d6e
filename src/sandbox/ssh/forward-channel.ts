import { connect } from 'node:net';
import type { ServerChannel } from 'ssh2';

/**
 * Joins a `direct-tcpip` channel to a TCP connection, with back-pressure and half-close both ways.
 * @param accept opens the channel; called once the connection is up
 * @param reject refuses it; called when the connection fails
 */
export function forwardChannel(
  address: { host: string; port: number },
  accept: () => ServerChannel,
  reject: () => void,
): void {
  const socket = connect({ ...address, allowHalfOpen: true, noDelay: true });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    socket.on('error', () => socket.destroy());
    const channel = accept();
    channel.on('error', () => socket.destroy());
    channel.pipe(socket);
    // end() would close both ways at once on a server's channel; eof() closes only this one.
    socket.pipe(channel, { end: false });
    let flushed = false;
    let closed = false;
    socket.once('end', () => {
      // The callback of an empty write comes once everything before it has been sent.
      channel.write('', () => {
        channel.eof();
        flushed = true;
        if (closed) channel.close();
      });
    });
    socket.once('close', (hadError) => {
      closed = true;
      if (flushed || hadError || !socket.readableEnded) channel.close();
    });
    channel.once('close', () => socket.destroy());
  });
}
