#!/bin/sh
# Builds the Debian image. Runs as root, or as the root of a user namespace, in mount and PID namespaces of its own, so
# that nothing is left mounted and nothing goes on running when it is killed. All inputs are environment variables:
#   ARCH      Debian's name of the architecture: amd64 or arm64
#   SUITE     Debian's release
#   KERNEL_SUITE, BOOT_SUITE, BUBBLEWRAP_SUITE    the releases of its kernel, of its boot program's maker, and of bubblewrap
#   MIRROR    where its packages are
#   PACKAGES  comma-separated
#   SOURCE    the folder of this script
#   OUT       the folder that receives disk.raw, vmlinuz and packages.txt
#   DISK_MIB, ESP_MIB                    sizes
#   DISK_UUID, ROOT_TYPE, ROOT_PARTUUID, ESP_TYPE, ESP_PARTUUID    identifiers of the GPT
#   CMDLINE   the kernel's command line
#   EFI_ARCH  UEFI's name of the architecture: x64 or aa64
set -eu
umask 022
root=$OUT/root
say() { echo "::$*" >&2; }

native=$(dpkg --print-architecture)
if [ "$ARCH" != "$native" ]; then
  . "$SOURCE/foreign.sh"
  register_emulator
  say "fetching the programs of $native that build for $ARCH"
  fetch_tools
  export TOOLS="$tools" TRIPLET="$triplet" LOADER="$loader"
  set -- --extract-hook='sh "$SOURCE/foreign-lay.sh" "$1" path' --essential-hook='sh "$SOURCE/foreign-lay.sh" "$1" over' \
    --customize-hook='sh "$SOURCE/foreign-lay.sh" "$1" away'
fi

# The maker of the boot program comes with the image, or from the release that has one: extracted, not installed.
if [ "$SUITE" != "$BOOT_SUITE" ]; then
  say "fetching what makes the boot program"
  mmdebstrap --mode=root --format=directory --variant=extract --architectures="$ARCH" \
    --include=base-files,coreutils,systemd-boot-efi,systemd-ukify --aptopt='APT::Install-Recommends "false"' \
    "$BOOT_SUITE" "$OUT/maker" "deb $MIRROR $BOOT_SUITE main"
  set -- "$@" --setup-hook='sh "$SOURCE/older-setup.sh" "$1"'
fi

say "installing packages"
mmdebstrap "$@" --mode=root --format=directory --variant=minbase --architectures="$ARCH" \
  --include="$PACKAGES" \
  --aptopt='APT::Install-Recommends "false"' \
  --aptopt='Acquire::Languages "none"' \
  --aptopt='Acquire::Retries "5"' \
  --dpkgopt=force-unsafe-io \
  --dpkgopt=force-confold \
  --dpkgopt=path-exclude=/usr/share/man/* \
  --dpkgopt=path-exclude=/usr/share/info/* \
  --dpkgopt=path-exclude=/usr/share/locale/* \
  --dpkgopt=path-exclude=/usr/share/doc/* \
  --dpkgopt=path-include=/usr/share/doc/*/copyright \
  --essential-hook='sh "$SOURCE/prepare.sh" "$1"' \
  --customize-hook='sh "$SOURCE/customize.sh" "$1"' \
  "$SUITE" "$root" "deb $MIRROR $SUITE main"

say "making the disk"
cp "$root"/boot/vmlinuz-* "$OUT/vmlinuz"
dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat '${binary:Package} ${Version}\n' >"$OUT/packages.txt"

# GPT with room for its backup at the end; all partitions start on a MiB. The root partition is last, so that it can grow.
disk=$OUT/disk.raw
truncate --size="${DISK_MIB}M" "$disk"
root_start=$((1 + ESP_MIB))
root_mib=$((DISK_MIB - root_start - 1))
sfdisk --quiet "$disk" <<LAYOUT
label: gpt
label-id: $DISK_UUID
${disk}15 : start=1MiB, size=${ESP_MIB}MiB, type=$ESP_TYPE, uuid=$ESP_PARTUUID
${disk}1 : start=${root_start}MiB, size=${root_mib}MiB, type=$ROOT_TYPE, uuid=$ROOT_PARTUUID
LAYOUT

esp=$OUT/esp.img
truncate --size="${ESP_MIB}M" "$esp"
mkfs.vfat -F 32 -n UEFI "$esp" >/dev/null
mmd -i "$esp" ::/EFI ::/EFI/BOOT
mcopy -i "$esp" "$OUT/boot.efi" "::/EFI/BOOT/BOOT$(echo "$EFI_ARCH" | tr a-z A-Z).EFI"
dd if="$esp" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none

# With the features that the release's own tools know: this computer's may be newer.
MKE2FS_CONFIG="$root/etc/mke2fs.conf" mke2fs -q -t ext4 -L cloudimg-rootfs -m 1 -d "$root" \
  -E "offset=$((root_start << 20)),lazy_itable_init=0,lazy_journal_init=0" "$disk" "${root_mib}M"

rm -rf "$root" "$OUT/native" "$OUT/maker" "$esp" "$OUT/boot.efi"
