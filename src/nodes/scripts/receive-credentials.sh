#!/bin/sh
# Hands credentials that were sealed for this node to devaccess, which opens and publishes them. Run by
# Systems Manager as root; written by devaccess. What is in here only this node can open.
set -eu
umask 077
PATH=$PATH:/usr/local/bin:/usr/bin:/bin
command -v devaccess >/dev/null 2>&1 || {
  printf 'devaccess is not here, or not on the path of the SSM agent\n' >&2
  exit 1
}
exec devaccess nodes receive --name '{{ Name }}' --group '{{ Group }}' --dir '{{ Folder }}' \
  --payload '{{ Payload }}'
