#!/bin/sh
# mmdebstrap's customize hook: turns the installed packages into an image. $1 is the root file system; the variables are
# those of build.sh.
set -eu
root=$1

# A unified kernel image: systemd's stub, the kernel and its command line in one EFI program. It needs no boot loader,
# whose own reading and waiting would cost seconds on an emulated machine.
maker=$root
if [ "$SUITE" != "$BOOT_SUITE" ]; then
  maker=$OUT/maker
  mkdir -p "$maker/boot"
  cp "$root"/boot/vmlinuz-* "$maker/boot/"
fi
cp -L "$root/etc/os-release" "$maker/os-release"
chroot "$maker" ukify build --output=/boot.efi \
  --stub="/usr/lib/systemd/boot/efi/linux$EFI_ARCH.efi.stub" \
  --linux="/boot/$(basename "$root"/boot/vmlinuz-*)" --cmdline="$CMDLINE" --os-release=@/os-release >&2
mv "$maker/boot.efi" "$OUT/boot.efi"
rm "$maker/os-release"

[ "$SUITE" = "$BUBBLEWRAP_SUITE" ] || sh "$SOURCE/bubblewrap.sh" "$root"

# What the build needed, and what it would tell of the computer it ran on.
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/* "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id" "$root"/boot/initrd.img-*
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root"/run/*
: >"$root/etc/machine-id"

cp -r "$SOURCE/files/." "$root/"
[ "$SUITE" = "$BOOT_SUITE" ] || sh "$SOURCE/older.sh" "$root"
mkdir -p "$root/boot/efi"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

systemctl() { chroot "$root" systemctl --quiet "$@"; }
systemctl enable systemd-networkd.service systemd-resolved.service ssh.service

# The machine is replaced, not maintained: it neither updates nor checks itself.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service; do
  [ ! -e "$root/usr/lib/systemd/system/$unit" ] || systemctl disable "$unit"
done

# A virtual machine without a screen, a TPM, crash storage, foreign executables or a use for the kernel's debug interfaces.
systemctl disable getty@tty1.service systemd-pstore.service
systemctl mask dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount systemd-binfmt.service \
  systemd-tpm2-setup-early.service systemd-tpm2-setup.service systemd-hibernate-clear.service \
  systemd-pcrmachine.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
  modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service modprobe@loop.service

# Nor does it get network units from the kernel's command line, udev rules from credentials, or a journal on its disk; fuse
# is built into its kernel, and nobody looks at the state of fuse's connections.
systemctl mask systemd-network-generator.service systemd-networkd-persistent-storage.service \
  systemd-udev-load-credentials.service systemd-journal-flush.service sys-fs-fuse-connections.mount modprobe@fuse.service

# Generators for what the image does not have. The one for ssh also loads the drivers of vsock, which no machine of ours
# may offer to its sessions.
mkdir -p "$root/etc/systemd/system-generators"
for generator in systemd-debug-generator systemd-gpt-auto-generator systemd-hibernate-resume-generator \
  systemd-rc-local-generator systemd-ssh-generator systemd-system-update-generator systemd-sysv-generator \
  systemd-tpm2-generator cloud-init-generator; do
  ln -s /dev/null "$root/etc/systemd/system-generators/$generator"
done
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s /usr/lib/systemd/system/cloud-init.target "$root/etc/systemd/system/multi-user.target.wants/cloud-init.target"

# The hardware database describes devices that no virtual machine has.
rm -rf "$root/usr/lib/udev/hwdb.bin" "$root"/usr/lib/udev/hwdb.d

# All caches that systemd makes at the first boot after /usr changed are made: the packages' own scripts did.
touch "$root/etc/.updated" "$root/var/.updated"
