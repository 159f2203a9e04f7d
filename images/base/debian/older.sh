#!/bin/sh
# What the releases before Debian 13 need instead of parts of files/. $1 is the root file system.
set -eu
root=$1
etc=$root/etc

rm -f "$etc/apt/preferences.d/kernel"

# systemd 247 does not know all of its options: all devices are replayed, as everywhere.
rm -r "$etc/systemd/system/systemd-udev-trigger.service.d"

# cloud-init had another first unit.
mv "$etc/systemd/system/cloud-init-main.service.d" "$etc/systemd/system/cloud-init-local.service.d"

# The root disk grows by cloud-init and growpart, as on Ubuntu. Its version 20.4 defers no files.
rm -r "$etc/repart.d"
sed -i -e '/^growpart:/d' -e '/^resize_rootfs:/d' -e '/systemd-repart and systemd-growfs/d' \
  -e '/^  - write_files_deferred$/d' -e 's/^  - disk_setup$/  - growpart\n  - resizefs\n&/' "$etc/cloud/cloud.cfg.d/90-image.cfg"
sed -i 's/,x-systemd.growfs//' "$etc/fstab"
