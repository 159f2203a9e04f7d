# shellcheck shell=sh
# The kernel's module of quotas. Ubuntu's kernels for virtual machines and for AWS have it in a package of drivers that its cloud
# images lack. Needs lib.sh and packages.sh.

# Seconds that a later boot looks for it, when an earlier one had no answer.
: "${CLOISTER_QUOTA_SECONDS:=20}"

# Gets it from the mirror before the session disk is made or mounted. A machine without is still one: mount_disk says that the
# homes of sessions have no limits then. A final no is remembered for the kernel. Without an answer later boots look again, for a
# shorter time. Needs this_release.
quota_module() { # TIME
  [ "$ID" = ubuntu ] || return 0
  _kernel=$(uname -r) _stamp=$CLOISTER_VAR/lib/cloister/quota-module _tried='' _answer='' _limit=$(soon "$1")
  ! modprobe -q quota_v2 2>/dev/null || return 0
  if [ -r "$_stamp" ]; then read -r _tried _answer <"$_stamp" || :; fi
  if [ "$_tried" = "$_kernel" ]; then
    [ "$_answer" = unanswered ] || return 0
    _limit=$(soon "$1" "$CLOISTER_QUOTA_SECONDS")
  fi
  from_mirror try_quota_module "$_limit" "linux-modules-extra-$_kernel"
  case $? in
    0) _answer=had ;;
    2) _answer=no ;;
    *) _answer=unanswered ;;
  esac
  if [ "$_answer" != had ]; then
    # shellcheck disable=SC2154 # of from_mirror
    notice "the kernel's module of quotas could not be had from the mirror of packages: $_why_not"
    rm -rf "$CLOISTER_VAR/cache/cloister/apt"
  fi
  { mkdir -p "${_stamp%/*}" && printf '%s\n' "$_kernel $_answer" >"$_stamp"; } 2>/dev/null ||
    notice "$_stamp could not be written: later boots look for the module of quotas again"
}

# One try, as try_mirror's; 3 when it failed on this machine, which may be otherwise at its next boot. Of half a gigabyte of
# drivers, none but this one is put into the machine.
try_quota_module() { # TIME NAME
  apt_folder "$CLOISTER_VAR/cache/cloister/apt" 2>&1 || return 3
  fetch_packages "$@" || return
  # shellcheck disable=SC2154 # of fetch_packages
  _tree=$_mirror/tree
  mkdir -p "$_tree" 2>&1 || return 3
  for _deb in "$_mirror/cache/archives/$2"_*.deb; do
    _unpacked=$(dpkg-deb --fsys-tarfile "$_deb" | LC_ALL=C tar -x -C "$_tree" --wildcards '*/kernel/fs/quota/*' 2>&1) || {
      case $_unpacked in
        *"Not found in archive"*)
          echo "$2 has no module of quotas"
          return 2
          ;;
      esac
      echo "$2 could not be unpacked: $_unpacked"
      return 3
    }
  done
  for _found in "$_tree/lib/modules" "$_tree/usr/lib/modules"; do
    [ ! -d "$_found" ] || cp -r "$_found/." "${CLOISTER_MODULES:-/lib/modules}/" 2>&1 || return 3
  done
  { depmod && modprobe -q quota_v2; } || {
    echo "the kernel did not take the module of quotas of $2"
    return 2
  }
}
