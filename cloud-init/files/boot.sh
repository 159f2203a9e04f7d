#!/bin/sh
# Run at every boot by cloister-boot.service: installs what the distribution's image lacks, checks and mounts the runtime
# image, and hands over to it. Everything else lives in the runtime image.
# Environment (/etc/cloister/boot.env): RUNTIME_DIGEST (sha256), RUNTIME_SIZE (bytes), RUNTIME_SERIAL (NVMe serial).
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

fail() {
  echo "cloister: not ready: $*" >&2
  echo "cloister: not ready: $*" >/dev/console
  exit 1
}

# command:package, both as Debian and Ubuntu name them.
missing=
for need in bwrap:bubblewrap socat:socat bindfs:bindfs fusermount3:fuse3 nft:nftables rg:ripgrep git:git curl:curl; do
  command -v "${need%%:*}" >/dev/null || missing="$missing ${need#*:}"
done
if [ -n "$missing" ]; then
  apt-get -q update && apt-get -q -y -o DPkg::Lock::Timeout=600 --no-install-recommends install $missing ||
    fail "could not install$missing from the distribution: see journalctl -u cloister-boot"
fi

device=
tries=0
while [ -z "$device" ]; do
  for serial in /sys/class/nvme/*/serial; do
    [ -r "$serial" ] || continue
    read -r seen <"$serial"
    [ "$seen" = "$RUNTIME_SERIAL" ] || continue
    controller=${serial%/serial}
    device=/dev/${controller##*/}n1
  done
  [ -b "$device" ] && break
  device=
  tries=$((tries + 1))
  [ "$tries" -le 120 ] || fail "no NVMe disk with serial $RUNTIME_SERIAL (the runtime image) after 120 s"
  sleep 1
done

if ! mountpoint -q /opt/cloister; then
  seen=$(head -c "$RUNTIME_SIZE" "$device" | sha256sum) || fail "cannot read the runtime image on $device"
  [ "${seen%% *}" = "$RUNTIME_DIGEST" ] ||
    fail "the runtime image on $device has digest ${seen%% *}, not $RUNTIME_DIGEST: it was not mounted"
  mkdir -p /opt/cloister
  mount -t squashfs -o ro,nodev "$device" /opt/cloister || fail "cannot mount the runtime image on $device"
fi
exec /opt/cloister/boot/start
