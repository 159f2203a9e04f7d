#!/bin/sh
# Run at every boot by cloister-boot.service: checks and mounts the runtime image, and hands over to it. It uses what every
# image of the distribution has. Everything else lives in the runtime image.
# Environment (/etc/cloister/boot.env): RUNTIME_... and POOL_... of contract/boot-environment.ts.
# ROOT is empty but in tests: the folder under which the machine's files are looked for.
set -u
: "${ROOT:=}"
export LC_ALL=C.UTF-8

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
