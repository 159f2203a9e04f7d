#!/bin/sh
# Run at every boot by cloister-boot.service: installs what the distribution's image lacks, checks and mounts the runtime
# image, and hands over to it. Everything else lives in the runtime image.
# Environment (/etc/cloister/boot.env): RUNTIME_... and POOL_... of contract/boot-environment.ts.
# ROOT is empty but in tests: the folder under which the machine's files are looked for.
set -u
: "${ROOT:=}"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() {
  echo "cloister: $*" >&2
  echo "cloister: $*" >>"$ROOT/dev/console"
}
# This service starts before there is one.
network() {
  systemctl start network-online.target || say "the network is not online"
}
fail() {
  say "not ready: $*"
  # Once told, the group ends the machine. Nothing runs here that it had to wait for: its other hook is answered as well.
  if [ -n "${POOL_LAUNCH_HOOK:-}" ]; then
    network
    signal "$POOL_LAUNCH_HOOK" ABANDON && signal "$POOL_END_HOOK" CONTINUE
  fi
  exit 1
}
signal() {
  "$ROOT/usr/local/lib/cloister/fetch" --complete "$1" "$2" && say "the group was told: $2 ($1)"
}
install() {
  say "installing $*"
  network
  apt-get -q update && apt-get -q -y -o DPkg::Lock::Timeout=600 --no-install-recommends install "$@" ||
    fail "could not install $* from the distribution: see journalctl -u cloister-boot"
}

# command:package, both as Debian and Ubuntu name them.
missing=
for need in bwrap:bubblewrap socat:socat nft:nftables rg:ripgrep git:git curl:curl; do
  command -v "${need%%:*}" >/dev/null || missing="$missing ${need#*:}"
done
# Only names of packages are in it.
# shellcheck disable=SC2086
[ -z "$missing" ] || install $missing

# Ubuntu 22.04's cloud image starts with kernel 5.15. The reference runs 6.8, which Ubuntu has as the hardware enablement
# stack of 22.04. AWS's image of the same Ubuntu has a kernel of its own, of 6.8 already.
. "$ROOT/etc/os-release"
case ${ID:-}:${VERSION_ID:-}:$(uname -r) in
  ubuntu:22.04:5.*)
    [ ! -e "$ROOT/etc/cloister/kernel" ] || fail "kernel 6.8 was installed, yet $(uname -r) started"
    install linux-image-virtual-hwe-22.04
    : >"$ROOT/etc/cloister/kernel"
    say "starting again with kernel 6.8"
    # It ends this service, too, which is no failure of it.
    trap '' TERM
    systemctl reboot
    exit 0
    ;;
esac

if [ -n "${RUNTIME_BUCKET:-}" ]; then
  device=$ROOT/var/lib/cloister/runtime.squashfs
  say "fetching the runtime image from its bucket"
  network
  "$ROOT/usr/local/lib/cloister/fetch" "$device" ||
    fail "cannot fetch the runtime image from s3://$RUNTIME_BUCKET/$RUNTIME_KEY: see journalctl -u cloister-boot"
else
  device=
  tries=0
  while [ -z "$device" ]; do
    for serial in "$ROOT"/sys/class/nvme/*/serial; do
      [ -r "$serial" ] || continue
      read -r seen <"$serial"
      [ "$seen" = "$RUNTIME_SERIAL" ] || continue
      controller=${serial%/serial}
      device=$ROOT/dev/${controller##*/}n1
    done
    [ -e "$device" ] && break
    device=
    tries=$((tries + 1))
    [ "$tries" -le "${RUNTIME_WAIT:-120}" ] || fail "no NVMe disk with serial $RUNTIME_SERIAL (the runtime image) after $tries s"
    sleep 1
  done
fi

home=$ROOT/opt/cloister
if ! mountpoint -q "$home"; then
  # The disk is exactly as long as the image. A pipe would take as long as the digest where the machine is emulated.
  seen=$(sha256sum <"$device") || fail "cannot read the runtime image on $device"
  [ "${seen%% *}" = "$RUNTIME_DIGEST" ] ||
    fail "the runtime image on $device has digest ${seen%% *}, not $RUNTIME_DIGEST: it was not mounted"
  mkdir -p "$home"
  mount -t squashfs -o ro,nodev "$device" "$home" || fail "cannot mount the runtime image on $device"
fi
# boot/start looks at links to disks and at cloud-init's word on which instance this is: both are there after this.
udevadm settle --timeout=60 || say "udev is still busy"
[ -e "$ROOT/etc/cloud/cloud-init.disabled" ] || systemctl start cloud-init-local.service ||
  say "cloud-init-local.service did not start"
exec "$home/boot/start"
