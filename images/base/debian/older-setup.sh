#!/bin/sh
# mmdebstrap's setup hook for the releases before Debian 13, before any package is there. $1 is the root file system.
set -eu
root=$1

# One /usr, as Ubuntu has it; Debian 13's own packages see to that.
for folder in bin sbin lib lib32 lib64 libx32; do
  mkdir -p "$root/usr/$folder"
  ln -s "usr/$folder" "$root/$folder"
done

# A kernel of another release: its packages are known then, and all but the kernel's are refused.
echo "deb $MIRROR $KERNEL_SUITE main" >"$root/etc/apt/sources.list.d/kernel.list"
cat >"$root/etc/apt/preferences.d/kernel" <<PREFERENCES
Package: *
Pin: release n=$KERNEL_SUITE
Pin-Priority: -1

Package: linux-image-* linux-base
Pin: release n=$KERNEL_SUITE
Pin-Priority: 900
PREFERENCES
