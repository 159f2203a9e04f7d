#!/bin/sh
# Takes out what no session uses of a base that is made from packages: what installs packages, keeps accounts, or works on disks. An image
# with more is built on another base (--base), not on this image.
set -eu

# What stays must find its libraries: looked for at the end.
packages='apt base-passwd debconf debian-archive-keyring gcc-14-base git-man init-system-helpers libapt-pkg7.0 libaudit-common libaudit1
  libbsd0 libdb5.3t64 liberror-perl libexpat1 libgdbm-compat4t64 libgdbm6t64 liblastlog2-2 liblz4-1 libpam-modules libpam-modules-bin
  libpam-runtime libpam0g libperl5.40 libseccomp2 libsemanage-common libsemanage2 libsepol2 libsqlite3-0 libxxhash0 login login.defs mount
  openssl-provider-legacy passwd perl perl-modules-5.40 sqv sysvinit-utils'
there=
for package in $packages; do
  if dpkg-query --show "$package" >/dev/null 2>&1; then there="$there $package"; fi
done
# shellcheck disable=SC2086 # a list of names
dpkg --purge --force-all $there >/tmp/purged 2>&1 || {
  cat /tmp/purged >&2
  exit 1
}

cd /
# For root, for disks and for terminals of a machine; and what looks for libraries anew when packages have come.
for name in agetty badblocks blkdiscard blkzone blockdev chcpu ctrlaltdel findfs fsck fsck.cramfs fsck.minix fsfreeze fstrim isosize \
  ldattach ldconfig losetup mkfs mkfs.bfs mkfs.cramfs mkfs.minix mkswap pivot_root readprofile rtcwake runuser sulogin swaplabel swapoff \
  swapon switch_root tunelp wipefs zic zramctl; do
  rm -f "usr/sbin/$name"
done
for name in localedef lsblk lslogins partx scriptlive scriptreplay su wdctl dir vdir; do rm -f "usr/bin/$name" "usr/sbin/$name"; done
# What a session has no devices, no locks of others and no namespaces of others to look at with; and the libraries that only they need.
for name in add-shell blkid chmem findmnt getty iconvconfig installkernel lsipc lslocks lsmem lsns mountpoint nsenter remove-shell rmt-tar \
  tarcat update-shells; do
  rm -f "usr/bin/$name" "usr/sbin/$name"
done
for name in libblkid.so.1 libformw.so.6 libmenuw.so.6 libmount.so.1 libpanelw.so.6 libudev.so.1; do rm -f usr/lib/*/"$name" usr/lib/*/"$name".*; done
# git asks for packs by HTTP of their own with it, which a server offers and a user must have allowed.
rm -f usr/lib/git-core/git-http-fetch
# Plug-ins of what is gone, and certificates' compression, which gnutls does without.
rm -rf usr/lib/*/sasl2/libsasldb.* usr/lib/*/libbrotlienc.* usr/lib/*/libdebconfclient.* usr/share/bash-completion usr/share/debconf \
  usr/share/fish usr/share/zsh usr/share/gcc usr/share/keyrings usr/share/perl5 usr/lib/apt etc/apt usr/share/polkit-1 usr/share/bug usr/share/gdb usr/share/gitweb usr/share/lintian
# The C library's parts for debuggers, for NIS and Hesiod, and for programs whose compiler was told to be inexact.
for name in libc_malloc_debug.so.0 libmemusage.so libmvec.so.1 libnsl.so.1 libnss_compat.so.2 libnss_hesiod.so.2 libpcprofile.so \
  libthread_db.so.1; do
  rm -f usr/lib/*/"$name"
done
# Licences of one text are one file.
! command -v hardlink >/dev/null || hardlink --quiet --ignore-time /usr/share/doc
# A package that was removed leaves its licence behind, when nothing of it is left but that.
for folder in usr/share/doc/*; do
  [ ! -d "$folder" ] || [ -L "$folder" ] || dpkg-query --show "${folder#usr/share/doc/}" >/dev/null 2>&1 || rm -rf "$folder"
done

# Without ldd the search would find nothing.
ldd /bin/sh | grep -q 'libc\.so\.6'
find / -xdev -type f \( -perm /111 -o -name '*.so*' \) -not -path '/opt/*' -exec sh -c '
  for file; do if ldd "$file" 2>/dev/null | grep "not found" >&2; then echo "$file misses a library" >&2; exit 1; fi; done' sh {} +
