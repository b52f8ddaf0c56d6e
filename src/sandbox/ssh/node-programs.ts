import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface NodePrograms {
  /** The host's own folder. */
  directory: string;
  /** Of every login name. */
  homeDirectory: string;
  /** Private host key; the public one is beside it. */
  hostKeyFile: string;
  /** Where the addresses of the sandbox's network lead to: `ADDRESS PORT LOOPBACK-PORT` a line. */
  networkFile: string;
}

/**
 * Makes the programs that differ between a host of the sandbox and the machine it really runs on,
 * for scripts that run there as on a node: they are found first in PATH, everything else is this
 * machine's. `sshd -T` tells the host's own configuration, ssh-keyscan(1) reaches the addresses
 * of the sandbox's network, which are in no kernel, and every login name exists, in one home.
 *
 * @returns the folder they are in
 */
export async function writeNodePrograms(programs: NodePrograms): Promise<string> {
  const folder = join(programs.directory, 'bin');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const scripts = {
    sshd: sshd(programs),
    'ssh-keyscan': keyscan(programs),
    id: ID,
    su: su(programs),
  };
  for (const [name, text] of Object.entries(scripts)) {
    if (text === undefined) continue;
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o700);
  }
  return folder;
}

function sshd({ hostKeyFile }: NodePrograms): string {
  return `#!/bin/sh
[ "$1" = -T ] || exit 1
cat <<'END'
port 22
hostkey ${hostKeyFile}
authorizedkeysfile .ssh/authorized_keys
END
`;
}

const ID = `#!/bin/sh
case $1 in -u) echo 1000 ;; *) exit 1 ;; esac
`;

/** `su -s SHELL USER -c COMMAND`. */
function su({ homeDirectory }: NodePrograms): string {
  return `#!/bin/sh
[ "$1" = -s ] && [ "$4" = -c ] || exit 1
HOME=${quoted(homeDirectory)} USER="$3" exec "$2" -c "$5"
`;
}

/** Asks each server at the loopback port that stands for it, and names it as it was asked for. */
function keyscan({ networkFile }: NodePrograms): string | undefined {
  const real = findProgram('ssh-keyscan');
  if (real === undefined) return undefined;
  return `#!/bin/sh
port=22
while getopts T:t:p: option; do
  case $option in
    T) timeout=$OPTARG ;;
    t) types=$OPTARG ;;
    p) port=$OPTARG ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
for address; do
  loopback=$(awk -v address="$address" -v port="$port" \\
    '$1 == address && $2 == port { print $3 }' ${quoted(networkFile)})
  [ -n "$loopback" ] || continue
  name=$address
  [ "$port" = 22 ] || name="[$address]:$port"
  ${quoted(real)} -T "\${timeout:-5}" -t "\${types:-rsa,ecdsa,ed25519}" -p "$loopback" 127.0.0.1 |
    awk -v name="$name" '/^#/ { print; next } { $1 = name; print }'
done
`;
}

function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '/usr/bin:/bin').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
