#!/bin/sh
# Written by devaccess (docs/hosts.md, "Many servers"). ssh runs it for a name that it finds nothing
# about in the file that it is reading, and goes on to read what this puts into the folder:
#
#   sh look-up FOLDER BLOCK NAME
#
# The entry of NAME, if there is one, becomes FOLDER/NAME.conf; and NAME joins the names in now.conf
# for which this is not run again. Several at a time do each other no harm: files come into their
# places whole, none goes from a folder, and a name that another forgets is looked up once more.
umask 077
LC_ALL=C
export LC_ALL
store=${0%/*} folder=$1 block=$2 name=$3
newline='
'

case $name in '' | [.-]* | *[!A-Za-z0-9._-]*) exit 1 ;; esac
[ "${#name}" -le 255 ] || exit 1
# For `Match originalhost` upper and lower case are one: who asks for WEB must not keep others from web.
case $name in *[A-Z]*) name=$(echo "$name" | tr A-Z a-z) ;; esac

failed() {
  echo "devaccess: $name cannot be looked up: $store cannot be written; see 'devaccess hosts sync'" >&2
  exit 1
}

# As `bucketOf` in lookup-index.ts, without another process.
characters=-._0123456789abcdefghijklmnopqrstuvwxyz
bucket=0 rest=$name
while [ -n "$rest" ]; do
  next=${rest#?}
  before=${characters%%"${rest%"$next"}"*}
  bucket=$(((bucket * 31 + ${#before}) % 1024))
  rest=$next
done

# Lines `NAME OFFSET LENGTH` of the bucket.
known=$newline$(dd if="$store/index" bs="$block" skip="$bucket" count=1 2>/dev/null)
offset= length=
case $known in *"$newline$name "*)
  known=${known#*"$newline$name "}
  known=${known%%"$newline"*}
  offset=${known% *} length=${known#* }
  ;;
esac

temporary=$store/.$$
trap 'rm -f "$temporary"' HUP INT TERM

# entry FOLDER
entry() {
  dd if="$store/entries" bs=1 skip="$offset" count="$length" 2>/dev/null >"$temporary" &&
    mv -f "$temporary" "$store/$1/$name.conf" || failed
}
[ -z "$offset" ] || entry "$folder"

IFS= read -r line <"$store/now.conf" || failed
names=${line#*\"}
names=${names%%\"*}
case $line in *" $folder $block '%n'\"") ;; *) exit 1 ;; esac
case $names, in *",!$name,"*) exit 1 ;; esac
# Too many: a new folder begins, and the former stays for those who read it.
if [ "${#names}" -gt 2000 ]; then
  names="*,!*'*" folder=${folder%%.*}.$$
  mkdir -p "$store/$folder" || failed
  [ -z "$offset" ] || entry "$folder"
fi
{
  echo "Match originalhost \"$names,!$name\" exec \"sh '$store/look-up' $folder $block '%n'\""
  echo "Match all"
  echo "Include \"$store/$folder/*.conf\""
} >"$temporary" && mv -f "$temporary" "$store/now.conf" || failed
exit 1
