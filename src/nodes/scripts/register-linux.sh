#!/bin/sh
# Makes this machine a node of AWS Systems Manager: installs the SSM agent where it is missing, and
# registers it by the activation @ACTIVATION_ID@ in @REGION@.
# Written by devaccess. It holds no secret: the activation code comes from a file, from standard
# input, or is asked for.
set -eu
umask 077
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
export LC_ALL PATH

activation_id='@ACTIVATION_ID@'
region='@REGION@'
download='@DOWNLOAD@'

data=/var/lib/amazon/ssm
vault_key=$data/Vault/Store/RegistrationKey
registration=$data/registration
snap_agent=/snap/amazon-ssm-agent/current/amazon-ssm-agent

usage() {
  cat <<'TEXT'
Usage: sudo sh register-linux.sh [--code-file FILE] [--package FILE] [--key FILE] [--hide] [--replace]

  --code-file FILE  file with the activation code; else it is read from standard input, or asked for
  --package FILE    install this .deb, .rpm or .snap instead of the one that AWS offers for download
  --key FILE        AWS's public key for the agent: the package must be signed by it (needs gpg)
  --hide            hide processes from other users (/proc with hidepid) while the agent registers,
                    as it takes the code as an argument only
  --replace         register anew a machine that is a node already
TEXT
}

say() { printf 'register-linux: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The id this machine is registered with; empty when it is not.
node_id() {
  for file in "$vault_key" "$registration"; do
    [ -r "$file" ] || continue
    sed -n 's/.*"[iI]nstance[iI][dD]" *: *"\(mi-[0-9a-f]*\)".*/\1/p
            s/.*"ManagedInstanceID" *: *"\(mi-[0-9a-f]*\)".*/\1/p' "$file" | head -n 1
    return
  done
}

read_code() {
  code=
  if [ -n "$code_file" ]; then
    [ -f "$code_file" ] || die "there is no file $code_file"
    IFS= read -r code <"$code_file" || [ -n "$code" ] || die "$code_file is empty"
  elif [ -t 0 ]; then
    printf 'Activation code: ' >&2
    saved_terminal=$(stty -g)
    stty -echo
    IFS= read -r code || :
    stty "$saved_terminal"
    saved_terminal=
    printf '\n' >&2
  else
    IFS= read -r code || :
  fi
  carriage_return=$(printf '\r')
  code=${code%"$carriage_return"}
  case $code in
    '') die 'no activation code was given' ;;
    *[!A-Za-z0-9+/=_.-]*) die 'that is not an activation code' ;;
  esac
  if [ ${#code} -lt 20 ] || [ ${#code} -gt 250 ]; then die 'that is not an activation code'; fi
}

find_agent() {
  if [ -x "$snap_agent" ]; then
    agent=$snap_agent
    service=snap.amazon-ssm-agent.amazon-ssm-agent.service
  else
    agent=$(command -v amazon-ssm-agent) || return 1
    service=amazon-ssm-agent
  fi
}

# Ubuntu brings the agent as a snap; a second one as a .deb would fight with it.
wants_snap() { has snap && grep -q '^ID=ubuntu$' /etc/os-release 2>/dev/null; }

fetch() {
  say "downloading $1"
  if has curl; then
    curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 -o "$2" "$1" ||
      die 'that failed; download the agent elsewhere and give it by --package'
  elif has wget; then
    wget -q -O "$2" "$1" || die 'that failed; download the agent elsewhere and give it by --package'
  else
    die 'neither curl nor wget is here; download the agent elsewhere and give it by --package'
  fi
}

# Whether a package is signed by the key that was given, and by no other; its signature lies beside it.
check_signature() {
  [ -n "$key" ] || return 0
  [ -f "$1.sig" ] || die "there is no $1.sig to check it with"
  mkdir "$work/gpg"
  gpg --homedir "$work/gpg" --batch --quiet --import "$key" </dev/null >&2 || die "$key is no public key"
  gpg --homedir "$work/gpg" --batch --verify "$1.sig" "$1" </dev/null >"$work/gpg.log" 2>&1 || {
    cat "$work/gpg.log" >&2
    die "$1 is not signed by the key in $key: nothing was installed"
  }
  say "its signature is good"
}

fetch_package() {
  fetch "$download/$1" "$2"
  [ -z "$key" ] || fetch "$download/$1.sig" "$2.sig"
}

# What packages install must not become root's alone.
install_package() {
  check_signature "$1"
  case $1 in
    *.deb) (umask 022 && dpkg -i "$1") </dev/null >&2 ;;
    *.rpm) (umask 022 && rpm -U --replacepkgs "$1") </dev/null >&2 ;;
    *.snap) (umask 022 && snap install --classic --dangerous "$1") </dev/null >&2 ;;
    *) die "$1 is no .deb, .rpm or .snap" ;;
  esac
}

install_agent() {
  if [ -n "$package" ]; then
    [ -f "$package" ] || die "there is no file $package"
    case $package in
      /*) ;;
      # Else one that begins with a dash would be an option.
      *) package=./$package ;;
    esac
    install_package "$package"
  elif wants_snap; then
    [ -z "$key" ] || say 'snapd checks the signature of its packages itself'
    (umask 022 && snap install amazon-ssm-agent --classic) </dev/null >&2
  elif has dpkg; then
    case $(dpkg --print-architecture) in
      amd64) build=debian_amd64 ;;
      arm64) build=debian_arm64 ;;
      armhf | armel) build=debian_arm ;;
      i386) build=debian_386 ;;
      *) die 'AWS has no agent for this architecture' ;;
    esac
    fetch_package "$build/amazon-ssm-agent.deb" "$work/amazon-ssm-agent.deb"
    install_package "$work/amazon-ssm-agent.deb"
  elif has rpm; then
    case $(uname -m) in
      x86_64) build=linux_amd64 ;;
      aarch64) build=linux_arm64 ;;
      i?86) build=linux_386 ;;
      *) die 'AWS has no agent for this architecture' ;;
    esac
    fetch_package "$build/amazon-ssm-agent.rpm" "$work/amazon-ssm-agent.rpm"
    install_package "$work/amazon-ssm-agent.rpm"
  else
    die 'there is no snap, dpkg or rpm to install the agent with; install it, then run this again'
  fi
  find_agent || die 'the package was installed, but amazon-ssm-agent is nowhere'
}

# stop, start or enable
control_service() {
  if has systemctl; then
    systemctl "$1" "$service" >&2
  elif [ "$1" = enable ]; then
    :
  elif has service; then
    service "$service" "$1" >&2
  elif has initctl; then
    initctl "$1" "$service" >&2
  fi
}

# The agent forgets a former registration before it tries the new one.
keep_registration() {
  for file in "$vault_key" "$registration"; do
    [ -f "$file" ] && cp -p "$file" "$work/$(basename "$file")"
  done
  return 0
}

restore_registration() {
  for file in "$vault_key" "$registration"; do
    kept=$work/$(basename "$file")
    if [ -f "$kept" ]; then
      cp -p "$kept" "$file.devaccess"
      mv -f "$file.devaccess" "$file"
    fi
  done
}

clean_up() {
  status=$?
  trap - EXIT
  trap '' HUP INT TERM
  [ -z "$saved_terminal" ] || stty "$saved_terminal"
  show_processes
  if [ "$state" = registering ] && [ -n "$former" ]; then
    restore_registration
    say "this machine stays $former"
  fi
  if [ "$state" != idle ] && [ "$state" != registered ] && [ -n "$former" ]; then
    control_service start || :
  fi
  [ -z "$work" ] || rm -rf "$work"
  exit "$status"
}

# The options that /proc is mounted with.
proc_options() { sed -n 's|^[^ ]* /proc proc \([^ ]*\) .*|,\1,|p' /proc/self/mounts | tail -n 1; }

# Keeps other users from seeing arguments, until show_processes.
hide_processes() {
  [ "$hide" = yes ] || return 0
  case $(proc_options) in
    *,hidepid=2,* | *,hidepid=invisible,* | *,hidepid=1,* | *,hidepid=noaccess,* | *,hidepid=4,* | *,hidepid=ptraceable,*)
      return 0
      ;;
  esac
  mount -o remount,hidepid=2 /proc || die '/proc cannot be remounted here: leave out --hide'
  hidden=yes
}

show_processes() {
  [ "$hidden" = no ] || mount -o remount,hidepid=0 /proc || say 'mount -o remount,hidepid=0 /proc failed'
  hidden=no
}

# The agent takes the code as an argument only, so that `ps` can show it as long as this runs.
register() {
  hide_processes
  if [ "$hide" = yes ]; then
    say 'registering'
  else
    say 'registering; the agent takes the code as an argument, where ps can show it for a moment (--hide)'
  fi
  force=
  [ "$replace" = no ] || force=-y
  state=registering
  outcome=0
  # shellcheck disable=SC2086 # no word where there is nothing to force
  (
    umask 022
    exec "$agent" -register $force -region "$region" -id "$activation_id" -code "$code"
  ) </dev/null >"$work/agent.log" 2>&1 || outcome=$?
  show_processes
  node=$(node_id)
  if [ "$outcome" -ne 0 ] || [ -z "$node" ] || [ "$node" = "$former" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        *"$code"*) ;;
        *) printf '%s\n' "$line" >&2 ;;
      esac
    done <"$work/agent.log"
    die "the agent could not register: is the activation $activation_id still open in $region?"
  fi
  state=registered
  code=
}

main() {
  code_file='' package='' key='' hide=no replace=no
  work='' state=idle former='' saved_terminal='' hidden=no
  while [ $# -gt 0 ]; do
    case $1 in
      --code-file | --package | --key)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        case $1 in
          --code-file) code_file=$2 ;;
          --package) package=$2 ;;
          --key) key=$2 ;;
        esac
        shift
        ;;
      --hide) hide=yes ;;
      --replace) replace=yes ;;
      -h | --help) usage; exit 0 ;;
      # An argument may be the code itself: it is not repeated.
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  [ "$(id -u)" -eq 0 ] || die 'this needs root: sudo sh register-linux.sh'
  former=$(node_id)
  if [ -n "$former" ] && [ "$replace" = no ]; then
    die "this machine is $former already; --replace registers it anew"
  fi
  if [ -n "$key" ]; then
    has gpg || die 'gpg is not here, to check the signature of the agent with'
    [ -f "$key" ] || die "there is no file $key"
  fi
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  read_code
  work=$(mktemp -d)
  find_agent || install_agent
  state=stopped
  control_service stop || :
  keep_registration
  register
  control_service enable || :
  control_service start
  say "registered in $region; devaccess nodes list shows it when the agent has reported"
  [ -z "$former" ] || say "deregister what it was: devaccess nodes deregister $former"
  printf '%s\n' "$node"
}

main "$@"
