/**
 * Scripts that print public host keys, and nothing that is secret. They hold no text of AWS but
 * addresses and ports, which are checked.
 */
import type { Script } from '../../aws/run-command/run-command-api.ts';
import { isPlainAddress } from '../host.ts';

/** Around what a script prints: without the second line there is more than the service shows. */
export const FIRST_LINE = 'devaccess-host-keys 1';
export const LAST_LINE = 'devaccess-host-keys end';

const READ_TIMEOUT_S = 60;
/** For each server: a few servers at a time take no longer. */
const SCAN_TIMEOUT_S = 5;
const COMMENT = 'devaccess hosts trust: read public SSH host keys';

/**
 * For Linux and macOS. `sshd -T` tells which keys the server has; older ones want to know for whom
 * where the configuration has a Match. A HostKey may name the public file itself, as with an agent;
 * where there is none, ssh-keygen tells what belongs to the private one.
 */
const SHELL = `
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
export PATH LC_ALL=C
settings=$(sshd -T 2>/dev/null) ||
  settings=$(sshd -T -C user=root,host=localhost,addr=127.0.0.1 2>/dev/null)
files=$(printf '%s\\n' "$settings" | sed -n 's/^hostkey //p')
[ -n "$files" ] || files=$(ls -1 /etc/ssh/ssh_host_*_key.pub 2>/dev/null)
echo '${FIRST_LINE}'
printf '%s\\n' "$files" | head -n 16 | while IFS= read -r file; do
  case $file in *.pub) public=$file ;; *) public=$file.pub ;; esac
  if [ -f "$public" ]; then head -n 1 "$public"; echo
  elif [ -f "$file" ]; then ssh-keygen -y -f "$file" 2>/dev/null </dev/null
  fi
done | while read -r type key comment; do
  [ -z "$key" ] || printf 'key %s %s\\n' "$type" "$key"
done
echo '${LAST_LINE}'
`;

/** For Windows. What PowerShell itself prints might be wrapped. */
const POWER_SHELL = `
$folder = Join-Path $env:ProgramData 'ssh'
[Console]::Out.WriteLine('${FIRST_LINE}')
Get-ChildItem -Path $folder -Filter 'ssh_host_*_key.pub' -ErrorAction SilentlyContinue |
  Select-Object -First 16 |
  ForEach-Object {
    $words = @((Get-Content -LiteralPath $_.FullName -TotalCount 1) -split ' ')
    if ($words.Count -ge 2) { [Console]::Out.WriteLine('key ' + $words[0] + ' ' + $words[1]) }
  }
[Console]::Out.WriteLine('${LAST_LINE}')
`;

/** Prints `key TYPE BASE64` for each key of the node's own SSH server. */
export function readScript(platform: 'posix' | 'windows'): Script {
  const isWindows = platform === 'windows';
  return {
    document: isWindows ? 'AWS-RunPowerShellScript' : 'AWS-RunShellScript',
    commands: lines(isWindows ? POWER_SHELL : SHELL),
    executionTimeoutS: READ_TIMEOUT_S,
    comment: COMMENT,
  };
}

/** Exit code of {@link scanScript} where there is no ssh-keyscan. */
export const NO_KEYSCAN = 127;

/**
 * Prints `ADDRESS TYPE BASE64` for each key of each SSH server at the addresses, as ssh-keyscan(1)
 * does on a bastion.
 *
 * @throws Error for what is no address or no port: none gets here that was not checked
 */
export function scanScript(addresses: readonly string[], port: number): Script {
  const isSound = Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (!isSound || !addresses.every(isPlainAddress)) throw new Error('not addresses and a port');
  const scan = `ssh-keyscan -T ${SCAN_TIMEOUT_S} -t rsa,ecdsa,ed25519 -p ${port} ${addresses.join(' ')}`;
  return {
    document: 'AWS-RunShellScript',
    commands: [
      'PATH="$PATH:/usr/local/bin:/usr/bin:/bin"',
      `command -v ssh-keyscan >/dev/null 2>&1 || exit ${NO_KEYSCAN}`,
      `echo '${FIRST_LINE}'`,
      // It has told of the servers' versions in comments.
      `${scan} 2>/dev/null | grep -v '^#'`,
      `echo '${LAST_LINE}'`,
    ],
    executionTimeoutS: READ_TIMEOUT_S + addresses.length * SCAN_TIMEOUT_S,
    comment: COMMENT,
  };
}

function lines(text: string): string[] {
  return text.trim().split('\n');
}
