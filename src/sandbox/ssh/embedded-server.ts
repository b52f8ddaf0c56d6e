import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { Connection, PseudoTtyInfo, ServerChannel, Session } from 'ssh2';
import { AuthorizedKeys } from './authorized-keys.ts';
import { ChildCommand } from './child-command.ts';
import type { CommandSettings } from './child-command.ts';
import { forwardChannel } from './forward-channel.ts';
import { acceptsVariable, loginCommand } from './login-command.ts';
import { serveSftp } from './sftp-channel.ts';

export interface EmbeddedServerOptions {
  /** OpenSSH private key of the host. */
  hostKey: string;
  authorizedKeys: readonly string[];
  /** Keys that may log in as a user just now. */
  keysFor: (user: string) => readonly string[];
  /** HOME of every login, and where relative paths of SFTP start. */
  homeDirectory: string;
  /** What the host calls itself in a shell's prompt. */
  hostName: string;
  /** Resolves a forwarded connection (ProxyJump); undefined for hosts that forward nothing. */
  forward: ((host: string, port: number) => { host: string; port: number } | undefined) | undefined;
}

export interface EmbeddedServer {
  port: number;
  /** Ends every connection with what it started, and stops listening. */
  close(): Promise<void>;
}

// OpenSSH prefers ciphers that Node has no native packet code for; AES-GCM is fast in both.
const CIPHERS = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'] as const;
/** The longest that a timer takes, 24 days. */
const NEVER_MS = 2 ** 31 - 1;

/** Starts an SSH server on a free loopback port: exec, shell, SFTP and, for a bastion, forwarding. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const authorizedKeys = new AuthorizedKeys(options.authorizedKeys, options.keysFor);
  const server = new ssh2.Server(
    {
      hostKeys: [options.hostKey],
      ident: 'devaccess-sandbox',
      algorithms: { cipher: [...CIPHERS], compress: ['none'] },
      // As sshd by default: a client whose lid is closed is waited for.
      keepaliveInterval: NEVER_MS,
    },
    (connection) => serve(connection, authorizedKeys, options),
  );
  // The sockets are kept here, as ssh2 gives no way to cut one whose peer does not answer.
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    server.injectSocket(socket);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(
  connection: Connection,
  authorizedKeys: AuthorizedKeys,
  options: EmbeddedServerOptions,
): void {
  // Resets and broken packets end the connection; there is nobody to tell.
  connection.on('error', () => undefined);
  // A client may run any number of commands on one connection (ControlMaster), each listening.
  connection.setMaxListeners(0);
  connection.on('authentication', (context) => authorizedKeys.authenticate(context));
  connection.on('session', (accept) => {
    serveSession(accept(), connection, options);
  });
  connection.on('tcpip', (accept, reject, info) => {
    const address = options.forward?.(info.destIP, info.destPort);
    if (address === undefined) reject();
    else forwardChannel(address, accept, reject);
  });
}

function serveSession(
  session: Session,
  connection: Connection,
  options: EmbeddedServerOptions,
): void {
  const environment: Record<string, string> = {};
  const settings: CommandSettings = { homeDirectory: options.homeDirectory, environment };
  let terminal: PseudoTtyInfo | undefined;
  let command: ChildCommand | undefined;
  const start = (channel: ServerChannel, commandLine: string | undefined): void => {
    command = new ChildCommand(channel, loginCommand(commandLine, terminal), settings);
  };
  const kill = (): void => {
    connection.off('close', kill);
    command?.kill();
  };
  connection.once('close', kill);
  // The channel's own close event waits until its data was read; the session's does not.
  session.once('close', kill);
  session.on('env', (accept: (() => void) | undefined, reject: (() => void) | undefined, info) => {
    if (acceptsVariable(info.key)) {
      environment[info.key] = info.val;
      accept?.();
    } else reject?.();
  });
  session.on('pty', (accept: (() => void) | undefined, _reject, info) => {
    terminal = info;
    environment.TERM = info.term;
    environment.PS1 = `${options.hostName}:\\w\\$ `;
    accept?.();
  });
  session.on('window-change', (accept: (() => void) | undefined, _reject, { cols, rows }) => {
    command?.resize({ cols, rows });
    accept?.();
  });
  session.on('signal', (accept: (() => void) | undefined, _reject, info) => {
    command?.signal(info.name);
    accept?.();
  });
  session.on('shell', (accept) => start(accept(), undefined));
  session.on('exec', (accept, _reject, info) => start(accept(), info.command));
  session.on('sftp', (accept) => serveSftp(accept(), options.homeDirectory));
}
