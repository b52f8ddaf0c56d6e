/**
 * Shell code, the same in every shell that reads POSIX: where completion finds names. It reads files
 * and starts neither Node nor AWS, as a person waits for it with a finger on the key. A name with more
 * than these characters is not offered: bash would run a command in one.
 */
const PLAIN = '/^[A-Za-z0-9_@+.%:\\/-]+$/';

const HOST_NAMES = `awk -v begun="$1" '
  FNR == 1 || /^# <<< devaccess-/ { ours = 0 }
  /^# devaccess-hosts / { ours = 1 }
  ours && /^Host / {
    for (i = 2; i <= NF; i++)
      if ($i ~ ${PLAIN} && (begun ~ /^m?i-/ ? $i ~ /^m?i-/ : i == 2)) print $i
  }'`;

/**
 * Aliases of the hosts that `hosts sync` wrote, a line each; ids only once one has been begun. Some
 * kinds of awk end at a file that is not there.
 */
export const HOSTS = [
  '"$HOME"/.ssh/config.d/devaccess-*.conf',
  '"$HOME"/.ssh/devaccess-hosts/devaccess-*.conf',
  '"$HOME/.ssh/config"',
]
  .map((files) => `${HOST_NAMES} ${files} 2>/dev/null`)
  .join('\n  ');

/** Profiles of both AWS files. */
export const PROFILES = `awk '
  /^[[:space:]]*\\[/ {
    gsub(/^[[:space:]]*\\[[[:space:]]*|[[:space:]]*\\].*$/, "")
    if ($1 == "sso-session" || $1 == "services") next
    sub(/^profile[[:space:]]+/, "")
    gsub(/^["\\047]|["\\047]$/, "")
    if ($0 ~ ${PLAIN} && !seen[$0]++) print
  }' "\${AWS_CONFIG_FILE:-$HOME/.aws/config}" "\${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}" 2>/dev/null`;

/** Names of the tables `[SECTION.NAME]` of the config file. */
function sectionNames(section: string): string {
  return `awk '
  /^[[:space:]]*\\[${section}\\.[A-Za-z0-9._"-]+\\]/ {
    gsub(/^[[:space:]]*\\[${section}\\.|\\].*$/, "")
    if (!sub(/^"/, "")) sub(/\\..*$/, "")
    sub(/".*$/, "")
    if ($0 ~ ${PLAIN} && !seen[$0]++) print
  }' "\${DEVACCESS_CONFIG:-\${XDG_CONFIG_HOME:-$HOME/.config}/devaccess/config.toml}" 2>/dev/null`;
}

export const TUNNELS = sectionNames('tunnels');
export const FIXED = sectionNames('hosts');
export const FLEETS = sectionNames('fleets');
