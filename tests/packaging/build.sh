#!/bin/bash
# build.sh ROOT PLACE TARGET: `make deb` of the sources in PLACE/sources, in the Debian of ROOT.
#
# ROOT stays as it is: an overlay in PLACE (in memory) takes all writes. The package is put into
# TARGET and its path printed. Uses the host's network and its way to a package index, as `make deb`
# itself would. Needs root.
set -euo pipefail

if [ "${4:-}" != inside ]; then
    exec unshare --mount --propagation private bash "$0" "$1" "$2" "$3" inside
fi

root=$1 place=$2 target=$3
mkdir -p "$place/memory"
mount -t tmpfs -o mode=755 build "$place/memory"
mkdir "$place/memory/upper" "$place/memory/work" "$place/memory/root"
system=$place/memory/root
mount -t overlay -o "lowerdir=$root,upperdir=$place/memory/upper,workdir=$place/memory/work" build "$system"
for folder in dev proc sys; do
    mount --rbind "/$folder" "$system/$folder"
done
mkdir -p "$system/home/builder"
cp -r "$place/sources" "$system/home/builder/sources"
# How this host reaches a package index.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then
        cp --dereference --remove-destination "$file" "$system$file"
    fi
done

# Both releases take the same archives, but for those with machine code.
cache=$(dirname "$root")/pip
mkdir -p "$cache" "$system/root/.cache/pip"
mount --bind "$cache" "$system/root/.cache/pip"

clean=(env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin)
for name in SOURCE_DATE_EPOCH "${!PIP_@}"; do
    if [ -n "${!name:-}" ]; then
        clean+=("$name=${!name}")
    fi
done
chroot "$system" "${clean[@]}" make --silent --directory=/home/builder/sources deb >&2
cp "$system"/home/builder/sources/dist/*.deb "$target"

for package in "$system"/home/builder/sources/dist/*.deb; do
    echo "$target/${package##*/}"
done
