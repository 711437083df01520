#!/bin/bash
# boot.sh ROOT PLACE CGROUP: a machine that starts systemd as its process 1.
#
# ROOT is a Debian system that stays as it is, PLACE an empty folder for the overlay that takes all
# writes (in memory), CGROUP an empty cgroup (v2) for everything that runs. The machine has its own
# processes, mounts, host name, loopback network and cgroup tree. It ends with this process, and
# what it wrote with it.
set -euo pipefail

if [ "${4:-}" != inside ]; then
    # Join the cgroup first: --cgroup makes it the root of what the machine sees.
    echo $$ >"$3/cgroup.procs"
    exec unshare --mount --propagation private --uts --ipc --net --cgroup --pid --fork \
        --kill-child bash "$0" "$1" "$2" "$3" inside
fi

root=$1 place=$2
ip link set lo up
hostname testbox

mount -t tmpfs -o mode=755 machine "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay -o "lowerdir=$root,upperdir=$place/upper,workdir=$place/work" machine "$place/root"
cd "$place/root"

mount -t proc -o nosuid,nodev,noexec proc proc
# Sysctls belong to the host.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro,nosuid,nodev,noexec proc/sys
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup

mount -t tmpfs -o mode=755,nosuid tmpfs dev
for device in full null random tty urandom zero; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
mkdir -p run/log/journal

# Start only what each boot needs, and nothing that is about hardware.
: >etc/machine-id
echo testbox >etc/hostname
: >etc/fstab
units=etc/systemd/system
mkdir -p "$units"
cat >"$units/test.target" <<UNIT
[Unit]
Description=A machine under test
Requires=basic.target
After=basic.target
AllowIsolate=yes
UNIT
for unit in \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    systemd-tmpfiles-clean.timer \
    dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount \
    sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount \
    systemd-binfmt.service systemd-firstboot.service systemd-hwdb-update.service \
    systemd-modules-load.service systemd-pstore.service systemd-random-seed.service \
    systemd-remount-fs.service systemd-sysctl.service systemd-udev-trigger.service \
    systemd-udevd.service systemd-update-utmp.service; do
    ln -sf /dev/null "$units/$unit"
done

# Leave the host's files behind.
mkdir -p mnt
pivot_root . mnt
cd /
umount -l /mnt
# As on a real machine, where services see what is mounted later.
mount --make-rshared /

# What no container manager gives either: the host's clock, modules, memory and kernel log.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test \
    setpriv --inh-caps -all \
    --bounding-set -sys_time,-sys_module,-sys_rawio,-mac_admin,-mac_override,-syslog,-wake_alarm \
    /lib/systemd/systemd --system --unit=test.target --show-status=0 --log-target=journal
