#!/bin/sh
# Fetches the credentials that were put into the Parameter Store for this node, and publishes them for
# one group. Run by Systems Manager as root; written by devaccess. It prints no secret, and hands none
# to a program as an argument.
set -eu
umask 077
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/snap/bin

name='{{ Name }}'
group='{{ Group }}'
folder='{{ Folder }}'
node=${AWS_SSM_INSTANCE_ID:-}
region=${AWS_SSM_REGION_NAME:-}

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The end in an answer of a credential_process; empty where there is none.
end_of() {
  end=${1#*'"Expiration":"'}
  end=${end%%'"'*}
  case $end in
    [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z) ;;
    *) end= ;;
  esac
}

# Whether nobody but its owner may write to it.
is_own() { [ -z "$(find "$1" -prune -perm /022)" ]; }

# Whether it belongs to root, or to who runs this.
is_trusted() { [ -O "$1" ] || [ -n "$(find "$1" -prune -user 0)" ]; }

case $node in
  mi-* | i-*) ;;
  *) die 'the agent does not tell which node this is' ;;
esac
command -v aws >/dev/null 2>&1 || die 'the AWS CLI is not here; use --via sealed'
# With the node's own credentials, as the agent shares them.
value=$(aws ssm get-parameter --name "/devaccess/creds/$node/$name" --with-decryption \
  --query Parameter.Value --output text --region "$region")
case $value in
  '{"Version":1,"AccessKeyId":"'*'}') ;;
  *) die 'the parameter holds no credentials' ;;
esac
end_of "$value"
new=$end
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
[ -n "$new" ] || die 'the credentials have no end'
expr "$new" \> "$now" >/dev/null || die "the credentials ended at $new"
key=${value#'{"Version":1,"AccessKeyId":"'}
key=${key%%'"'*}
suffix=${key#"${key%????}"}

[ ! -L "$folder" ] || die "$folder is a link"
if [ ! -d "$folder" ]; then
  (umask 022 && mkdir -p "$folder")
  chmod 711 "$folder"
fi
# Whoever else may write in a folder above could put another one in its place.
folder=$(cd "$folder" && pwd -P)
above=$folder
while [ "$above" != / ]; do
  above=$(dirname "$above")
  is_own "$above" || [ -k "$above" ] || die "others may write in $above: choose another --dir"
  is_trusted "$above" || die "$above belongs to another user: choose another --dir"
done
if ! is_own "$folder" || ! is_trusted "$folder"; then
  die "others may write in $folder: look who made it"
fi
file=$folder/$name.json
if [ -L "$file" ] || { [ -e "$file" ] && [ ! -f "$file" ]; }; then die "$file is no regular file"; fi
if [ -f "$file" ]; then
  end_of "$(cat "$file")"
  if expr "$end" \> "$new" >/dev/null; then
    die "newer credentials are there, until $end; to have these nevertheless: rm $file"
  fi
fi

temporary=$(mktemp "$folder/.$name.XXXXXXXX")
trap 'rm -f "$temporary"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# A builtin: the secret is in no list of processes.
printf '%s\n' "$value" >"$temporary"
if [ -n "$group" ]; then
  chgrp "$group" "$temporary"
  chmod 640 "$temporary"
fi
sync "$temporary"
mv -f "$temporary" "$file"
printf 'ok %s %s\n' "$suffix" "$new"
