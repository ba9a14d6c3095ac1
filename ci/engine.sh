#!/bin/sh
# Dagger on a runner that starts empty: the command line and the engine of the version
# that dagger.json names, with the state that an earlier runner kept.
#
#   ci/engine.sh start [ARCHIVE]  install the command line, put the state back if there
#                                 is any, and print the variables that it needs
#   ci/engine.sh save ARCHIVE     end the engine and keep its state
#
# It needs docker, curl, tar and zstd. Dagger v0.21 cannot export its cache
# (https://github.com/dagger/dagger/issues/13405), so the whole state is kept: what the
# engine has below /var/lib/dagger. An engine that did not end by itself begins anew,
# which is why `save` ends it. With _EXPERIMENTAL_DAGGER_RUNNER_HOST set that engine,
# which has a cache of its own, is used, and nothing is kept here.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/.*"engineVersion": *"\([^"]*\)".*/\1/p' "$root/dagger.json")
name=dagger-engine-ci # container and volume; Dagger removes other dagger-engine-* containers

# The state of an engine that built all images is about 4 GB, and half as an archive.
# GitHub keeps 10 GB for a repository.
limit=6000000000 # bytes of state, above which the engine removes what it used least

fail() {
  echo "ci/engine.sh: $1" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

state() { docker volume inspect --format '{{.Mountpoint}}' "$name"; }

install_cli() {
  case "$(dagger version 2>/dev/null || true)" in
    "dagger $version "* | "dagger $version") return ;;
  esac
  dir=$(mktemp -d)
  # It checks what it fetches against the checksums of the release.
  curl -fsSL https://dl.dagger.io/dagger/install.sh | DAGGER_VERSION="$version" BIN_DIR="$dir" sh >&2
  as_root install -m 755 "$dir/dagger" /usr/local/bin/dagger
  rm -r "$dir"
}

start() {
  [ -n "$version" ] || fail "dagger.json: engineVersion is missing"
  if [ -n "${_EXPERIMENTAL_DAGGER_RUNNER_HOST:-}" ]; then
    install_cli
    return
  fi
  docker info >/dev/null 2>&1 || fail "docker does not answer; dagger call needs it (in CodeBuild: a privileged build), bin/ci does not"
  install_cli
  config=${XDG_CONFIG_HOME:-$HOME/.config}/dagger
  if [ ! -e "$config/engine.json" ]; then
    mkdir -p "$config"
    echo "{\"gc\": {\"maxUsedSpace\": $limit}}" >"$config/engine.json"
  fi
  docker volume create "$name" >/dev/null
  if [ -n "${1:-}" ] && [ -s "$1" ]; then
    as_root tar --extract --zstd --xattrs --xattrs-include='*' --file "$1" --directory "$(state)"
  fi
  # The first call starts the engine.
  echo "_EXPERIMENTAL_DAGGER_RUNNER_HOST=image://registry.dagger.io/engine:$version?container=$name&volume=$name"
}

save() {
  [ -n "${1:-}" ] || fail "save: name the archive"
  docker stop --time 300 "$name" >/dev/null
  as_root tar --create --zstd --xattrs --xattrs-include='*' --file "$1" --directory "$(state)" .
  as_root chown "$(id -u):$(id -g)" "$1"
}

case "${1:-}" in
  start | save) command=$1; shift; "$command" "$@" ;;
  *) fail "say start or save; the file begins with what they do" ;;
esac
