#!/bin/bash
# suite.sh ROOT [ARGS]: `make test ARGS=...` of this tree in the Debian of ROOT, with its Python. As root.
set -euo pipefail

root=$(realpath "$1") args=${2:-}
cd -P "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then
    echo "suite: only root can run another Debian" >&2
    exit 1
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/sources"
# What is checked in, as it lies here; root may run this in somebody else's clone.
git -c safe.directory="$PWD" ls-files -z | tar --create --null --files-from=- --ignore-failed-read | tar --extract -C "$place/sources"
# shellcheck disable=SC2016 # for the shell inside
tests/packaging/inside.sh "$root" "$place" '
    apt-get update -qq
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $(python3 tests/need.py) >/dev/null
    make --silent test ARGS="'"$args"'"
'
