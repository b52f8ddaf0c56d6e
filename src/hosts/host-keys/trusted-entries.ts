/** How entries of the SSH config make use of our known_hosts. */
import { basename, join } from 'node:path';
import { DevaccessError } from '../../platform/errors.ts';

/** Where things are for ssh. */
export interface SshPlace {
  /** `~/.ssh` where devaccess writes. */
  sshDirectory: string;
  /** The home ssh itself uses: the login's, whatever HOME says. */
  loginHome: string;
}

/**
 * Where the keys of the hosts in a text of `hosts sync` are kept: beside the person's known_hosts and
 * not among the SSH configs, where an `Include config.d/*` of theirs would take it for one.
 */
export function knownHostsPath(textName: string, { sshDirectory }: SshPlace): string {
  return join(sshDirectory, 'known_hosts.d', basename(textName, '.conf'));
}

/** Options of an entry that are ours alone. */
const OWN_OPTION = /^ +(UserKnownHostsFile|StrictHostKeyChecking|UpdateHostKeys) /;

/**
 * Makes each entry of a text of `hosts sync` strict whose host has trusted keys, and leaves the
 * others to the person's own settings. Pure; the same again changes nothing.
 *
 * @throws DevaccessError DA_UNQUOTABLE_PATH
 */
export function withTrustedKeys(
  text: string,
  isTrusted: (instanceId: string) => boolean,
  textName: string,
  place: SshPlace,
): string {
  const blocks = text.split(/^(?=Host )/m);
  return blocks
    .map((block) => {
      if (!block.startsWith('Host ')) return block;
      const [names = '', ...rest] = block.trimEnd().split('\n');
      const end = block.slice(block.trimEnd().length);
      const id = names.trimEnd().split(' ').at(-1) ?? '';
      const options = rest.filter((line) => !OWN_OPTION.test(line));
      const strict = isTrusted(id) ? strictOptions(textName, place) : [];
      return [names, ...options, ...strict].join('\n') + end;
    })
    .join('');
}

/**
 * ssh would write keys that a server offers later into the first file (UpdateHostKeys), and those it
 * is told to accept; the second is where it looks besides, as for certificate authorities.
 */
function strictOptions(textName: string, place: SshPlace): string[] {
  const files = [knownHostsPath(textName, place), join(place.sshDirectory, 'known_hosts')];
  return [
    `    UserKnownHostsFile ${files.map((path) => configWord(path, place)).join(' ')}`,
    '    StrictHostKeyChecking yes',
    '    UpdateHostKeys no',
  ];
}

/** A path as ssh reads it: `~` is the login's home, `%` and `${` begin what ssh replaces. */
function configWord(path: string, { sshDirectory, loginHome }: SshPlace): string {
  if (sshDirectory === join(loginHome, '.ssh')) {
    const inHome = path.slice(loginHome.length).replaceAll('\\', '/');
    return `~${inHome}`;
  }
  if (/["\\$%\p{Cc}]/u.test(path)) {
    throw new DevaccessError('DA_UNQUOTABLE_PATH', `${path} cannot be written into an SSH config`, {
      next: 'use a home folder without quotes, backslashes, $ and %',
    });
  }
  return `"${path}"`;
}
