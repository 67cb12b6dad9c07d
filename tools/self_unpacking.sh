#!/bin/sh
# @NAME@: this head, then two gzip streams, the program and the Deno runtime.
# Unpacks both once into a cache directory named by their hash and becomes the
# program, so that its pid, signals and exit status are the program's own.
set -u
umask 077

name=@NAME@-$(id -u)-@HASH@

# Whether $1 holds both files and is ours: in a shared place somebody else could
# have made it first.
is_ready() {
  [ -x "$1/deno" ] && [ -s "$1/main.js" ] && [ ! -L "$1" ] && [ -O "$1" ]
}

become() {
  dir=$1
  shift
  DENO_NO_UPDATE_CHECK=1 DENO_DIR=$dir/cache
  export DENO_NO_UPDATE_CHECK DENO_DIR
  exec "$dir/deno" run --quiet --no-config --no-lock --no-remote --no-npm @FLAGS@ "$dir/main.js" "$@"
}

payload() {
  tail -n "+@PAYLOAD_LINE@" "$0"
}

# Unpacks beside and renames, so that two first starts at once do no harm and a
# file under its own name is whole. The runtime comes last: it is what counts.
unpack() {
  mkdir -p "$1" 2>/dev/null && [ ! -L "$1" ] && [ -O "$1" ] || return 1
  part=$1/.part.$$
  trap 'rm -f "$part.js" "$part.deno"; exit 1' HUP INT TERM
  if payload | head -c @PROGRAM_BYTES@ | gzip -dc >"$part.js" &&
    payload | tail -c "+$((@PROGRAM_BYTES@ + 1))" | gzip -dc >"$part.deno" &&
    chmod 700 "$part.deno" && "$part.deno" --version >/dev/null; then
    mv -f "$part.js" "$1/main.js" && mv -f "$part.deno" "$1/deno"
  else
    rm -f "$part.js" "$part.deno"
  fi 2>/dev/null
  trap - HUP INT TERM
  is_ready "$1"
}

# Prints the places that may hold the cache, the best first, one a line.
places() {
  for place in "${XDG_CACHE_HOME:-}" "${HOME:-}/.cache" "${TMPDIR:-}" /var/tmp /tmp; do
    # Neither variables that are empty nor, as the XDG specification says, relative paths.
    case $place in
      /.cache | [!/]* | '') ;;
      *) printf '%s\n' "$place" ;;
    esac
  done
}

# A path may hold blanks, so only line ends part them.
newline='
'
IFS=$newline
set -f
for place in $(places); do
  if is_ready "$place/$name"; then
    unset IFS
    become "$place/$name" "$@"
  fi
done
command -v gzip >/dev/null 2>&1 || {
  echo '@NAME@: gzip is needed to unpack at first start and was not found, install it' >&2
  exit 1
}
for place in $(places); do
  if (unpack "$place/$name"); then
    unset IFS
    become "$place/$name" "$@"
  fi
done
tried=$(places | tr '\n' ' ')
echo "@NAME@: nowhere to unpack @UNPACKED_MB@ MB at first start, tried ${tried% }: set XDG_CACHE_HOME to a directory with room, where programs may run" >&2
exit 1
