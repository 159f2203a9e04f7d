# shellcheck shell=sh
# The kernel's module of quotas. Ubuntu's kernels for virtual machines and for AWS have it in a package of drivers that its cloud
# images lack. Needs lib.sh and packages.sh.

# Gets it from the mirror, once for each kernel, before the session disk is made or mounted. A machine without is still one:
# mount_disk says that the homes of sessions have no limits then. Needs this_release.
quota_module() { # TIME
  [ "$ID" = ubuntu ] || return 0
  _kernel=$(uname -r) _stamp=$CLOISTER_VAR/lib/cloister/quota-module _tried=
  ! modprobe -q quota_v2 2>/dev/null || return 0
  if [ -r "$_stamp" ]; then read -r _tried <"$_stamp" || :; fi
  [ "$_tried" != "$_kernel" ] || return 0
  # shellcheck disable=SC2154 # of from_mirror
  from_mirror try_quota_module "$(soon "$1")" "linux-modules-extra-$_kernel" ||
    notice "the kernel's module of quotas could not be had from the mirror of packages: $_why_not"
  { mkdir -p "${_stamp%/*}" && printf '%s\n' "$_kernel" >"$_stamp"; } 2>/dev/null ||
    notice "$_stamp could not be written: later boots look for the module of quotas again"
}

# One try, as try_mirror's. Of half a gigabyte of drivers, none but this one is put into the machine.
try_quota_module() { # TIME NAME
  fetch_packages "$@" || return
  # shellcheck disable=SC2154 # of fetch_packages
  _tree=$_mirror/tree
  mkdir -p "$_tree" || return 2
  for _deb in "$_mirror/cache/archives/$2"_*.deb; do
    dpkg-deb --fsys-tarfile "$_deb" | tar -x -C "$_tree" --wildcards '*/kernel/fs/quota/*' || {
      echo "$2 has no module of quotas"
      return 2
    }
  done
  for _found in "$_tree/lib/modules" "$_tree/usr/lib/modules"; do
    [ ! -d "$_found" ] || cp -r "$_found/." "${CLOISTER_MODULES:-/lib/modules}/" || return 2
  done
  depmod && modprobe -q quota_v2 || {
    echo "the kernel did not take the module of quotas of $2"
    return 2
  }
}
