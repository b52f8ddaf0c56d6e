import { DevaccessError, EXIT } from '../platform/errors.ts';

/** One operand of a copy: a path here, or one on a server. */
export type Location =
  { kind: 'local'; path: string } | { kind: 'remote'; host: string; user?: string; path: string };

/** What OpenSSH itself refuses in names: they reach the command of a ProxyCommand (CVE-2023-51385). */
const UNSAFE_HOST = /^-|['"`$\\;&<>|(){}@%\s\p{Cc}]/u;
const UNSAFE_USER = /^-|['"`;&<>|(){}\s\p{Cc}]|\\$/u;

/**
 * Tells a path from `[USER@]HOST:[PATH]`, as scp does: a colon before any slash makes a server.
 * An IPv6 address stands in brackets. `./a:b` and `C:\a` are always paths; `c:a` is one on Windows.
 *
 * @throws DevaccessError DA_USAGE for what cannot be a server's name
 */
export function parseLocation(operand: string, platform = process.platform): Location {
  if (operand === '') throw usage('An empty name is no file', "'.' is the folder you are in");
  const drive = platform === 'win32' ? /^[A-Za-z]:/ : /^[A-Za-z]:\\/;
  const remote = drive.test(operand)
    ? null
    : /^(?:(?<user>[^/:[\]]+)@)?(?:\[(?<address>[^[\]/]+)\]|(?<name>[^/:]+)):(?<path>.*)$/s.exec(
        operand,
      );
  if (remote?.groups === undefined) return { kind: 'local', path: operand };
  const { user: named, address, name = '', path = '' } = remote.groups;
  // `[user@host]:path` is allowed, too.
  const whole = address ?? name;
  const at = whole.lastIndexOf('@');
  const user = at > 0 ? whole.slice(0, at) : named;
  const host = at > 0 ? whole.slice(at + 1) : whole;
  if (host === '' || UNSAFE_HOST.test(host)) {
    throw usage(`'${host}' cannot be a server's name`, `for a local file write './${operand}'`);
  }
  if (user !== undefined && UNSAFE_USER.test(user)) {
    throw usage(`'${user}' cannot be a user's name`, `for a local file write './${operand}'`);
  }
  return { kind: 'remote', host, ...(user === undefined ? {} : { user }), path };
}

function usage(message: string, next: string): DevaccessError {
  return new DevaccessError('DA_USAGE', message, { next, exitCode: EXIT.usage });
}

/** What is copied to where; the paths of the server are as the person wrote them. */
export interface CopyRoute {
  direction: 'up' | 'down';
  host: string;
  user: string | undefined;
  sources: string[];
  destination: string;
}

/**
 * Reads the operands of a copy.
 *
 * @throws DevaccessError DA_USAGE unless one side is this machine and the other one server
 */
export function parseRoute(sources: readonly string[], destination: string): CopyRoute {
  const to = parseLocation(destination);
  const from = sources.map((source) => parseLocation(source));
  const servers = [...from, to].filter((location) => location.kind === 'remote');
  const [server] = servers;
  if (server === undefined) {
    throw usage('Neither side is a server', "a server's path is HOST:PATH; cp copies files here");
  }
  const isUp = to.kind === 'remote';
  if (isUp ? servers.length > 1 : servers.length < from.length) {
    throw usage(
      'One side of a copy is this machine, the other a server',
      'from server to server, copy here first',
    );
  }
  if (servers.some(({ host, user }) => host !== server.host || user !== server.user)) {
    throw usage('The sources are on several servers', 'run one copy for each server');
  }
  return {
    direction: isUp ? 'up' : 'down',
    host: server.host,
    user: server.user,
    sources: from.map(({ path }) => path),
    destination: to.path,
  };
}
