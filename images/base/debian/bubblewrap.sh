#!/bin/sh
# Compiles the bubblewrap of another release (BUBBLEWRAP_SUITE) for an image whose own is older than Ubuntu 22.04's. $1 is the root
# file system. Its sources come from the same mirror, checked by apt like any package.
set -eu
root=$1
echo "deb-src $MIRROR $BUBBLEWRAP_SUITE main" >"$root/etc/apt/sources.list.d/source.list"
chroot "$root" apt-get -q -o Acquire::Languages=none update >&2
chroot "$root" sh -euc '
  mkdir /bubblewrap && cd /bubblewrap
  apt-get -q source --only-source -t "$0" bubblewrap
  cd bubblewrap-*/
  version=${PWD##*-}
  printf "#define PACKAGE_STRING \"bubblewrap %s\"\n" "$version" >config.h
  gcc -O2 -D_GNU_SOURCE -I. -o /usr/bin/bwrap bubblewrap.c bind-mount.c network.c utils.c -lcap
  bwrap --version
' "$BUBBLEWRAP_SUITE" >&2
rm -rf "$root/bubblewrap" "$root/etc/apt/sources.list.d/source.list"
