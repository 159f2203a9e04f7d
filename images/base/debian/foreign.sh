# Sourced by build.sh for an architecture that this computer's processor does not run. The image's own programs run under
# QEMU's user-mode emulation, which makes the packages' scripts some ten times slower. So the programs that these scripts
# spend their time in are replaced during the build by those of this computer's architecture, taken from the same Debian
# release: they do the same with the same files. What they are laid over is not changed; all of it ends with the build.
#
# dpkg itself stays emulated: its architecture is what it installs for.

case $ARCH in arm64) emulator=qemu-aarch64 ;; amd64) emulator=qemu-x86_64 ;; esac
case $native in arm64) triplet=aarch64-linux-gnu loader=usr/lib ;; amd64) triplet=x86_64-linux-gnu loader=usr/lib64 ;; esac
tools=$OUT/native

# The kernel hands programs of the other architecture to the emulator, if it was told to. Where no service has done so, root can.
register_emulator() {
  [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null || :
  [ "$(sed -n 1p "/proc/sys/fs/binfmt_misc/$emulator" 2>/dev/null)" = enabled ] && return
  [ -r "/usr/lib/binfmt.d/$emulator.conf" ] && [ -w /proc/sys/fs/binfmt_misc/register ] || {
    say "programs for $ARCH cannot run here: install qemu-user-static and binfmt-support, as root"
    exit 1
  }
  grep -v '^#' "/usr/lib/binfmt.d/$emulator.conf" >/proc/sys/fs/binfmt_misc/register
}

# The programs of this computer's architecture: extracted, not installed.
fetch_tools() {
  mmdebstrap --mode=root --format=directory --variant=extract --architectures="$native" \
    --include=bash,coreutils,dash,debianutils,diffutils,dpkg,findutils,grep,gzip,mawk,perl-base,python3.13-minimal,sed,tar --aptopt='APT::Install-Recommends "false"' \
    "$SUITE" "$tools" "deb $MIRROR $SUITE main"
}
