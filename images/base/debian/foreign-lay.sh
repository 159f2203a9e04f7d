#!/bin/sh
# mmdebstrap's hook for a foreign architecture, see foreign.sh. $1 is the root file system; $2 is `path` (lay the programs
# where scripts find them first), `over` (also over the image's own, once those are installed) or `away`.
set -eu
root=$1
case $2 in
  path)
    mkdir -p "$root/usr/lib/$TRIPLET"
    mount --bind "$TOOLS/usr/lib/$TRIPLET" "$root/usr/lib/$TRIPLET"
    if [ "$LOADER" = usr/lib64 ]; then
      mkdir -p "$root/usr/lib64"
      mount --bind "$TOOLS/usr/lib64" "$root/usr/lib64"
      [ -e "$root/lib64" ] || ln -s usr/lib64 "$root/lib64"
    else
      cp -P "$TOOLS"/usr/lib/ld-linux-*.so.* "$root/usr/lib/"
    fi
    # First on the PATH that mmdebstrap gives to packages' scripts, and no package's place for any of these.
    : >"$root/laid"
    # Not dpkg, whose architecture is what it installs for; nor what reports the machine's architecture.
    for program in "$TOOLS"/usr/bin/* "$TOOLS"/usr/sbin/*; do
      case ${program##*/} in dpkg | uname | arch | chroot | ldconfig | sh | mount | umount) continue ;; esac
      if [ -f "$program" ] && [ ! -L "$program" ] && [ ! -e "$root/usr/sbin/${program##*/}" ] &&
        [ "$(head -c 4 "$program" | tr -d '\0')" = "$(printf '\177ELF')" ]; then
        cp "$program" "$root/usr/sbin/"
        echo "${program##*/}" >>"$root/laid"
      fi
    done
    # Python's modules are compiled to the same byte code by any processor.
    ln -s python3.13 "$root/usr/sbin/python3"
    printf '#!/bin/sh\nexec /usr/sbin/python3 /usr/bin/py3compile "$@"\n' >"$root/usr/sbin/py3compile"
    chmod 755 "$root/usr/sbin/py3compile"
    printf 'python3\npy3compile\n' >>"$root/laid"
    ;;
  over)
    for program in bin/dash bin/bash bin/perl bin/sed bin/grep bin/tar; do
      mount --bind "$TOOLS/usr/$program" "$root/usr/$program"
    done
    ;;
  away)
    while read -r program; do rm "$root/usr/sbin/$program"; done <"$root/laid"
    rm "$root/laid"
    for program in bin/dash bin/bash bin/perl bin/sed bin/grep bin/tar "lib/$TRIPLET" lib64; do
      ! mountpoint -q "$root/usr/$program" || umount "$root/usr/$program"
    done
    rmdir "$root/usr/lib/$TRIPLET" "$root/usr/lib64" 2>/dev/null || :
    rm -f "$root/lib64"
    ;;
esac
