#!/bin/bash
# cell.sh CGROUP: a place where containers can run, for as long as this process lives: own mounts, a
# loopback network of its own, and a cgroup tree (v2) whose root is CGROUP, on any host.
set -euo pipefail

if [ "${2:-}" != inside ]; then
    echo $$ >"$1/cgroup.procs"
    exec unshare --mount --propagation slave --net --cgroup bash "$0" "$1" inside
fi

ip link set lo up
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# A cgroup that has children may hold no processes, but for the root of a namespace.
mkdir /sys/fs/cgroup/main
echo $$ >/sys/fs/cgroup/main/cgroup.procs
exec sleep infinity
