import type { Script } from '../../aws/run-command/run-command-api.ts';

/** POSIX login names, and what Windows domains and sssd make of them is left out. */
export const LOGIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}$/;
const PUBLIC_LINE = /^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{40,4000}={0,3}$/;

/** Exit codes of the script that say more than that it failed. */
export const REFUSALS: Readonly<Record<number, string>> = {
  20: 'there is no user USER on it',
  21: "the home of USER, or its .ssh, is no folder of the user's own",
  22: 'authorized_keys was changed by another program again and again',
};

/**
 * Adds a line to the user's authorized_keys and takes it out again after some seconds, whatever becomes
 * of this computer. Everything happens as that user: root follows no link that a user laid. Lines of
 * others stay as they are, also a last one without a line end; a change that comes in between is not lost.
 *
 * @throws Error for what is no login name or no public key: none gets here that was not checked
 */
export function authorizeScript(publicLine: string, user: string, seconds: number): Script {
  if (!LOGIN_NAME.test(user) || !PUBLIC_LINE.test(publicLine)) throw new Error('no user and key');
  if (!Number.isInteger(seconds)) throw new Error('no seconds');
  const work = `
set -u
umask 077
[ -d "$HOME" ] && [ -O "$HOME" ] || exit 21
folder=$HOME/.ssh
file=$folder/authorized_keys
[ -d "$folder" ] || { mkdir "$folder" || exit 21; }
[ -O "$folder" ] || exit 21
if [ -L "$file" ]; then file=$(readlink -f "$file") || exit 21; fi
made=0
[ -e "$file" ] || { made=1; : >"$file" || exit 21; }
is_open() { [ -n "$(tail -c 1 "$1")" ]; }
was_open=0
is_open "$file" && was_open=1
now=$(date +%s)
mark=devaccess-until-
line="${publicLine} $mark$((now + ${seconds}))"
change() {
  for try in 1 2 3 4 5; do
    cp -p "$file" "$file.devaccess-was.$$" && cp -p "$file" "$file.devaccess-new.$$" || return 1
    end=0
    is_open "$file.devaccess-was.$$" && end=1
    fixed=0
    [ -w "$file.devaccess-new.$$" ] || { fixed=1; chmod u+w "$file.devaccess-new.$$" || return 1; }
    awk -v now="$(date +%s)" -v line="$1" -v gone="$2" -v mark=" $mark" \\
      -v end="$end" -v was_open="$was_open" '
      gone != "" && $0 == gone { open = was_open; next }
      { at = match($0, mark "[0-9]+$") }
      at && substr($0, at + length(mark)) + 0 < now { open = 0; next }
      { printf "%s%s", some ? "\\n" : "", $0; some = 1; open = end }
      END {
        if (line != "") printf "%s%s\\n", some ? "\\n" : "", line
        else if (some && !open) printf "\\n"
      }
    ' "$file.devaccess-was.$$" >"$file.devaccess-new.$$" || return 1
    [ "$fixed" = 0 ] || chmod u-w "$file.devaccess-new.$$"
    if cmp -s "$file" "$file.devaccess-was.$$"; then
      mv -f "$file.devaccess-new.$$" "$file"
      rm -f "$file.devaccess-was.$$"
      return 0
    fi
  done
  rm -f "$file.devaccess-was.$$" "$file.devaccess-new.$$"
  return 22
}
locked() {
  if command -v flock >/dev/null 2>&1; then
    ( flock 9; change "$@" ) 9<"$folder"
  else change "$@"
  fi
}
locked "$line" "" || exit $?
(
  trap "" HUP
  sleep ${seconds}
  locked "" "$line"
  [ "$made" = 0 ] || [ -s "$file" ] || rm -f "$file"
) >/dev/null 2>&1 </dev/null &
exit 0
`;
  return {
    document: 'AWS-RunShellScript',
    commands: [
      'PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"; export PATH; export LC_ALL=C',
      `id -u ${user} >/dev/null 2>&1 || exit 20`,
      `su -s /bin/sh ${user} -c '${work.trim().replaceAll("'", `'\\''`)}'`,
    ],
    executionTimeoutS: 60,
    comment: `devaccess: an SSH key for ${user}, for ${seconds} s`,
  };
}
