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

case $node in
  mi-* | i-*) ;;
  *) die 'the agent does not tell which node this is' ;;
esac
command -v aws >/dev/null 2>&1 || die 'the AWS CLI is not here; use --via sealed'
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

if [ ! -d "$folder" ]; then
  (umask 022 && mkdir -p "$folder")
  chmod 711 "$folder"
fi
if [ -L "$folder" ] || [ ! -O "$folder" ] || [ -n "$(find "$folder" -prune -perm /022)" ]; then
  die "$folder is not root's alone"
fi
file=$folder/$name.json
if [ -L "$file" ]; then die "$file is a link"; fi
if [ -f "$file" ]; then
  end_of "$(cat "$file")"
  if [ "$end" = "$new" ]; then
    printf 'ok %s %s\n' "$suffix" "$new"
    exit 0
  fi
  if expr "$end" \> "$new" >/dev/null; then die "newer credentials are there, until $end"; fi
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
