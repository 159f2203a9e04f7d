# shellcheck shell=sh
# The session disk: found, formatted only when it holds nothing at all, checked, mounted. Needs lib.sh.

# Prints the device of every whole disk with this serial number, one a line. No process is started.
disks_with_serial() {
  for _dir in "$CLOISTER_SYS"/block/*; do
    for _file in "$_dir/device/serial" "$_dir/serial"; do
      [ -r "$_file" ] || continue
      # Serial numbers are padded with spaces, which `read` drops.
      read -r _serial <"$_file" || :
      if [ "$_serial" = "$1" ]; then
        printf '%s\n' "$CLOISTER_DEV/${_dir##*/}"
        break
      fi
    done
  done
}

# Prints the session disk's device: the disk of EBS that EC2 attached under the name, where there is one, else the disk with
# the serial number, else the file system with the label.
# Returns 1 when there is none (yet), 2 when it cannot be told which one is meant; then it prints why.
find_session_disk() { # SERIAL LABEL [NAME]
  _found='' _what="serial number $1"
  if [ -n "${3:-}" ]; then _found=$("$CLOISTER_HOME/bin/boot-helper" ebs "$3" 2>/dev/null); fi
  if [ -n "$_found" ]; then _what="name $3"; else _found=$(disks_with_serial "$1"); fi
  _labelled=
  # A link that udev makes; a file system with our label may be on a disk whose serial number we do not know (EBS).
  if [ -e "$CLOISTER_DEV/disk/by-label/$2" ]; then _labelled=$(readlink -f "$CLOISTER_DEV/disk/by-label/$2"); fi
  case $_found in
    *"
"*)
      printf 'several disks have the %s: %s\n' "$_what" "$(printf '%s' "$_found" | tr '\n' ' ')"
      return 2
      ;;
    "")
      [ -n "$_labelled" ] || return 1
      printf '%s\n' "$_labelled"
      ;;
    *)
      if [ -n "$_labelled" ] && [ "$_labelled" != "$_found" ]; then
        printf 'the disk with the %s is %s, but the label %s is on %s\n' "$_what" "$_found" "$2" "$_labelled"
        return 2
      fi
      printf '%s\n' "$_found"
      ;;
  esac
}

# Says what a disk holds. Prints one of
#   blank            nothing but zeros, no signature of anything
#   ours             an ext4 file system with our label on the whole disk
#   foreign: WHAT    anything else: it must not be touched
#   unknown: WHY     it cannot be told: it must not be touched either
classify_disk() { # DEVICE LABEL
  # Low-level probing (-p) of the disk itself, not udev's memory of it. blkid(8): 0 found, 2 nothing found, 8 ambivalent.
  _probe=$(blkid -p -o export -s TYPE -s LABEL -s PTTYPE -s USAGE -s FSSIZE "$1" 2>/dev/null)
  case $? in
    0)
      _type=$(value_of TYPE "$_probe") _label=$(value_of LABEL "$_probe") _table=$(value_of PTTYPE "$_probe")
      if [ -n "$_table" ]; then
        printf 'foreign: a partition table (%s)\n' "$_table"
      elif [ "$_type" = ext4 ] && [ "$_label" = "$2" ]; then
        printf 'ours\n'
      elif [ -n "$_label" ]; then
        printf 'foreign: %s with the label %s\n' "$_type" "$_label"
      else
        printf 'foreign: %s\n' "${_type:-an unknown signature}"
      fi
      return
      ;;
    2) ;;
    8)
      printf 'foreign: signatures of several things at once\n'
      return
      ;;
    *)
      printf 'unknown: blkid could not read %s\n' "$1"
      return
      ;;
  esac
  # wipefs knows signatures that blkid weighs and drops.
  if ! _signatures=$(wipefs --no-act --parsable "$1" 2>&1); then
    printf 'unknown: wipefs could not read %s\n' "$1"
    return
  fi
  if [ -n "$_signatures" ]; then
    printf 'foreign: a signature at offset %s\n' "$(printf '%s\n' "$_signatures" | sed -n '/^#/!{s/,.*//p;q}')"
    return
  fi
  _offset=$("$CLOISTER_HOME/bin/boot-helper" blank "$1" 2>/dev/null)
  case $? in
    0) printf 'blank\n' ;;
    1) printf 'foreign: data without a known signature, at byte %s\n' "$_offset" ;;
    *) printf 'unknown: %s could not be read\n' "$1" ;;
  esac
}

# The value of KEY in blkid's export format, where spaces and the like are escaped by a backslash.
value_of() { # KEY TEXT
  printf '%s\n' "$2" | while IFS='=' read -r _key _value; do
    if [ "$_key" = "$1" ]; then
      printf '%s\n' "$_value"
      break
    fi
  done
}

# Makes the file system. Tables are initialised lazily, in the background, after the first mount: seconds instead of minutes
# where the disk is emulated. Project quotas need both the kernel's module and a recent mke2fs: without them it works as well,
# but sessions cannot have quotas of their own.
#
# A session disk outlives its machine: the next one may be of an older release, whose e2fsck refuses files of orphans (a feature of
# 1.47). Only who knows the feature makes it, and names it in the settings of mke2fs.
format_disk() { # DEVICE LABEL
  _lazy=lazy_itable_init=1,lazy_journal_init=1,nodiscard
  _root=$(percent_for_root "$1") _older=
  if grep -q orphan_file "$CLOISTER_ETC/mke2fs.conf" 2>/dev/null; then _older=^orphan_file; fi
  if modprobe -q quota_v2 2>/dev/null &&
    mkfs.ext4 -q -F -m "$_root" -O "quota,project${_older:+,$_older}" -E "quotatype=prjquota,$_lazy" -L "$2" "$1" 2>/dev/null; then
    return 0
  fi
  mkfs.ext4 -q -F -m "$_root" ${_older:+-O "$_older"} -E "$_lazy" -L "$2" "$1"
}

# How much of the disk ext4 keeps for root, in percent: 1, and at most 256 MiB, which is what the audit journal may take.
percent_for_root() { # DEVICE
  _size=0
  if [ -r "$CLOISTER_SYS/class/block/${1##*/}/size" ]; then read -r _size <"$CLOISTER_SYS/class/block/${1##*/}/size"; fi
  if [ "$((_size / 2048))" -gt 25600 ]; then
    printf '0.%02d\n' "$((2560000 / (_size / 2048)))"
  else
    printf '1\n'
  fi
}

# Checks a file system before it is mounted. e2fsck(8), -p: 0 clean, 1 and 2 mended, 4 and above not mended.
check_disk() { # DEVICE
  _said=$(e2fsck -p "$1" 2>&1)
  _code=$?
  [ "$_code" -lt 4 ] && return 0
  printf '%s\n' "$_said"
  return "$_code"
}

# Grows the file system to its disk, online, when the disk has grown by more than a rounding.
grow_disk() { # DEVICE
  _size=
  _name=${1##*/}
  if [ -r "$CLOISTER_SYS/class/block/$_name/size" ]; then read -r _size <"$CLOISTER_SYS/class/block/$_name/size"; fi
  _used=$(value_of FSSIZE "$(blkid -p -o export -s FSSIZE "$1" 2>/dev/null)")
  # Only newer versions of blkid know the file system's size; resize2fs finds out by itself.
  if [ -n "$_size" ] && [ -n "$_used" ] && [ "$((_size * 512 - _used))" -lt 4194304 ]; then return 0; fi
  resize2fs "$1" >/dev/null 2>&1
}

# Warns when the disk is full. Sessions cannot start then, but the machine must, so that somebody can make room.
warn_when_full() {
  _space=$(stat -f -c '%a %b %S' "$CLOISTER_SESSIONS" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  set -- $_space
  _free=$(($1 * $3 / 1048576)) _total=$(($2 * $3 / 1048576))
  if [ "$((_free * 20))" -lt "$_total" ]; then
    notice "the session disk is full ($_free of $_total MiB free): the machine boots, but sessions may not start until some are removed from $CLOISTER_SESSIONS"
  fi
}

# Sessions can fill the disk to the blocks that ext4 keeps for root, and folders that belong to root can be filled to the last
# one. Then no session could start: the machine could not be verified. A file holds room for this: 65 MiB, and as much as ext4
# keeps for root, because blocks that become free are root's first. It is at most 512 MiB, is given up when there is no room
# left, and made again once there is plenty.
keep_reserve() {
  _reserve=$CLOISTER_SESSIONS/.cloister/reserve
  _space=$(stat -f -c '%a %f %S' "$CLOISTER_SESSIONS" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  set -- $_space
  if [ "$(($1 * $3 / 1048576))" -gt 1024 ]; then
    _mib=$((($2 - $1) * $3 / 1048576 + 65))
    [ "$_mib" -le 512 ] || _mib=512
    if fallocate -l "${_mib}M" "$_reserve" 2>/dev/null; then chmod 0600 "$_reserve"; else rm -f "$_reserve"; fi
  elif [ -e "$_reserve" ] && [ "$(($1 * $3 / 1048576))" -lt 32 ]; then
    rm -f "$_reserve"
    notice "the session disk had no room left for sessions: what was kept for this is free now"
  fi
}

# Remembers which machines have used this disk, so that its survival can be seen (row D4). The newest is the last line.
mark_generation() {
  # A replaced machine has another root disk, and so another machine id, and another instance id from its user data.
  read -r _id <"$CLOISTER_ETC/machine-id" || return 0
  if [ -r "$CLOISTER_VAR/lib/cloud/data/instance-id" ]; then
    read -r _instance <"$CLOISTER_VAR/lib/cloud/data/instance-id" && _id="$_id $_instance"
  fi
  _marks=$CLOISTER_SESSIONS/.cloister
  [ -d "$_marks" ] || mkdir -m 0700 "$_marks" 2>/dev/null || return 0
  _last=
  if [ -r "$_marks/machines" ]; then while read -r _line; do _last=$_line; done <"$_marks/machines"; fi
  # A full disk keeps its marks and gets no new one.
  [ "$_last" = "$_id" ] || printf '%s\n' "$_id" 2>/dev/null >>"$_marks/machines" || :
}

# How often the session disk is looked for, every half second. A named machine on AWS gets it when it runs already: ten
# minutes there, twenty seconds elsewhere.
disk_tries() { # NAME
  if [ -n "$1" ]; then echo "${CLOISTER_DISK_TRIES:-1200}"; else echo "${CLOISTER_DISK_TRIES:-40}"; fi
}

# With limits for each session's home where the file system and the kernel have project quotas. Sessions are limited where the
# file says so (guest/sessions/limits.ts).
mount_disk() { # DEVICE
  _options=nosuid,nodev,noatime
  rm -f "$CLOISTER_RUN/quota"
  _module=
  if modprobe -q quota_v2 2>/dev/null; then
    _module=1
    quotas_again "$1"
  fi
  if try_mount "$_options,prjquota" "$1"; then
    printf '' 2>/dev/null >"$CLOISTER_RUN/quota" || stop "cannot write $CLOISTER_RUN/quota"
    return 0
  fi
  if ! try_mount "$_options" "$1"; then
    # With quotas on the disk and none in the kernel, ext4 refuses to be mounted at all: they are taken off, for no other reason.
    { [ -z "$_module" ] && has_feature "$(header_of "$1")" quota && _said=$(tune2fs -O ^quota "$1" 2>&1) &&
      try_mount "$_options" "$1"; } ||
      stop "could not mount the session disk $1 at $CLOISTER_SESSIONS: $_said"
  fi
  notice "sessions' homes have no limits of their own: this kernel, or the session disk's file system, has no project quotas"
}

# Says why not in $_said.
try_mount() { # OPTIONS DEVICE
  { _said=$(mount -t ext4 -o "$1" "$2" "$CLOISTER_SESSIONS" 2>&1 >&3); } 3>&1
}

header_of() { # DEVICE
  LC_ALL=C dumpe2fs -h "$1" 2>/dev/null
}

has_feature() { # HEADER NAME
  printf '%s\n' "$1" | grep -q "^Filesystem features:.* $2\( \|\$\)"
}

# Puts quotas back on a disk that was under a kernel without, or that was made by one. What e2fsck has not found clean is left
# as it is, and so is a disk that has no room for them: sessions start without limits then.
quotas_again() { # DEVICE
  _header=$(header_of "$1") || return 0
  if has_feature "$_header" quota && has_feature "$_header" project; then return 0; fi
  printf '%s\n' "$_header" | grep -q '^Filesystem state: *clean$' || return 0
  if tune2fs -O quota,project -Q prjquota "$1" >/dev/null 2>&1; then
    say "the session disk $1 has quotas again"
  else
    # Half done it is mended; if it cannot be, the mount says so.
    check_disk "$1" >/dev/null || :
  fi
}

# All of the above, in order. Stops the boot with the reason when the disk must not be used.
session_disk() { # SERIAL LABEL [NAME]
  _tries=0 _most=$(disk_tries "${3:-}")
  while :; do
    _device=$(find_session_disk "$1" "$2" "${3:-}") && break
    if [ $? -eq 2 ]; then stop "$_device; nothing was formatted or mounted"; fi
    _tries=$((_tries + 1))
    if [ "$_tries" -gt "$_most" ]; then
      stop "no session disk: no disk has ${3:+the name $3 or }the serial number $1, and no file system has the label $2"
    fi
    # After ten seconds, and every minute from then on.
    if [ "$((_tries % 120))" -eq 20 ]; then
      say "waiting for the session disk ${3:-with serial number $1}: not there after $((_tries / 2)) s of at most $((_most / 2))"
    fi
    sleep 0.5
  done
  _holds=$(classify_disk "$_device" "$2")
  case $_holds in
    blank)
      say "the session disk $_device is blank: formatting it"
      _said=$(format_disk "$_device" "$2" 2>&1) || stop "could not format the session disk $_device: $_said"
      ;;
    ours)
      _said=$(check_disk "$_device") ||
        stop "the session disk $_device is damaged, and e2fsck -p could not mend it: $_said; run e2fsck $_device by hand"
      ;;
    *)
      stop "the session disk $_device holds ${_holds#*: }: it was not touched. Attach a blank disk, or one with an ext4 file system labelled $2"
      ;;
  esac
  mkdir -p "$CLOISTER_SESSIONS"
  mount_disk "$_device"
  grow_disk "$_device" || notice "could not grow the session disk's file system to the size of $_device"
  warn_when_full
  mark_generation
  keep_reserve
}
