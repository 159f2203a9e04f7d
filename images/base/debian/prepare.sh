#!/bin/sh
# mmdebstrap's essential hook: runs before any but the essential packages are installed. $1 is the root file system.
set -eu
root=$1
# The kernel has the drivers of the root disk built in and is started without an initrd.
mkdir -p "$root/etc/initramfs-tools"
echo 'update_initramfs=no' >"$root/etc/initramfs-tools/update-initramfs.conf"
