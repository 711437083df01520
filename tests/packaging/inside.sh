#!/bin/bash
# inside.sh ROOT PLACE COMMAND: run the shell's COMMAND in the Debian of ROOT, with sources to work on.
#
# ROOT stays as it is: an overlay in memory takes all writes. What lies in PLACE/sources is copied to
# /home/builder/sources, where COMMAND runs as root; what it leaves in /home/builder/out is in PLACE/out
# afterwards. It has its own mounts, and the host's network, processes, devices and way to a package
# index. CI, SOURCE_DATE_EPOCH and pip's variables are passed on. Needs root.
set -euo pipefail

if [ "${4:-}" != inside ]; then
    exec unshare --mount --propagation private bash "$0" "$1" "$2" "$3" inside
fi

root=$1 place=$2 command=$3
mkdir -p "$place/memory" "$place/out"
mount -t tmpfs -o mode=755 inside "$place/memory"
mkdir "$place/memory/upper" "$place/memory/work" "$place/memory/root"
system=$place/memory/root
mount -t overlay -o "lowerdir=$root,upperdir=$place/memory/upper,workdir=$place/memory/work" \
    inside "$system"
for folder in dev proc sys; do
    mount --rbind "/$folder" "$system/$folder"
done
mount -t tmpfs -o mode=755,nosuid,nodev run "$system/run"

home=$system/home/builder
mkdir -p "$home"
cp -r "$place/sources" "$home/sources"
mkdir "$home/out"
mount --bind "$place/out" "$home/out"
# How this host reaches a package index.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then
        cp --dereference --remove-destination "$file" "$system$file"
    fi
done
# All releases take the same archives, but for those with machine code.
cache=$(dirname "$root")/pip
mkdir -p "$cache" "$system/root/.cache/pip"
mount --bind "$cache" "$system/root/.cache/pip"

environment=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin)
for name in CI SOURCE_DATE_EPOCH "${!PIP_@}"; do
    if [ -n "${!name:-}" ]; then
        environment+=("$name=${!name}")
    fi
done
# Not chroot: in one nobody may make a namespace of users.
cd "$system"
pivot_root . mnt
cd /home/builder/sources
umount --lazy /mnt
exec env -i "${environment[@]}" sh -ec "$command"
