# shellcheck shell=sh
# What the boot needs of this machine's description: /etc/cloister/boot.env, which cloud-init wrote. Needs lib.sh.
# Nothing of the file is run: each value is taken as it is, and must match the pattern that contract/boot-environment.ts has.

# Ends the boot: a value is missing or none that can be used.
refuse_setting() { # NAME VALUE WANTED
  stop "$_file: $1 is '$2' and must be $3; cloud-init writes this file when a machine is made: make it again"
}

# Reads the file into target, session_serial, session_label, session_device (empty where there is none), memory_mib, tasks_max,
# packages (comma-separated), packages_seconds and debian_mirror.
boot_settings() {
  _file=$CLOISTER_ETC/cloister/boot.env
  target='' session_serial='' session_label='' session_device='' memory_mib='' tasks_max=''
  packages='' packages_seconds='' debian_mirror=''
  [ -r "$_file" ] || stop "cannot read $_file, which cloud-init writes when a machine is made"
  while IFS='=' read -r _name _value || [ -n "$_name" ]; do
    case $_name in
      TARGET) target=$_value ;;
      SESSION_SERIAL) session_serial=$_value ;;
      SESSION_LABEL) session_label=$_value ;;
      SESSION_DEVICE) session_device=$_value ;;
      MEMORY_MIB) memory_mib=$_value ;;
      TASKS_MAX) tasks_max=$_value ;;
      PACKAGES) packages=$_value ;;
      PACKAGES_SECONDS) packages_seconds=$_value ;;
      DEBIAN_MIRROR) debian_mirror=$_value ;;
    esac
  done <"$_file"
  case $target in
    local | aws | container) ;;
    *) refuse_setting TARGET "$target" "local, aws or container" ;;
  esac
  case $session_serial in
    '' | *[!A-Za-z0-9._:-]* | ?????????????????????*)
      refuse_setting SESSION_SERIAL "$session_serial" "1 to 20 letters, digits, ., _, : or -"
      ;;
  esac
  case $session_label in
    '' | *[!A-Za-z0-9_-]* | ?????????????????*)
      refuse_setting SESSION_LABEL "$session_label" "1 to 16 letters, digits, - or _"
      ;;
  esac
  case $session_device in
    '' | /dev/sd[f-p]) ;;
    *) refuse_setting SESSION_DEVICE "$session_device" "one of /dev/sdf to /dev/sdp, or left out" ;;
  esac
  case ,$packages, in
    ,,) ;;
    *,[!a-z0-9]* | *[!a-z0-9+.,-]* | *,,*)
      refuse_setting PACKAGES "$packages" "names of packages with commas between them, or left out"
      ;;
  esac
  case $debian_mirror in
    '') ;;
    http://*[!A-Za-z0-9._~:/-]* | https://*[!A-Za-z0-9._~:/-]*) refuse_setting DEBIAN_MIRROR "$debian_mirror" "an address" ;;
    http://?* | https://?*) ;;
    *) refuse_setting DEBIAN_MIRROR "$debian_mirror" "an address that begins with http:// or https://, or left out" ;;
  esac
  whole_number PACKAGES_SECONDS "$packages_seconds"
  whole_number MEMORY_MIB "$memory_mib"
  whole_number TASKS_MAX "$tasks_max"
}

# One that a shell can calculate with, and systemd reads as it is meant: not in base 8.
whole_number() { # NAME VALUE
  case $2 in
    '' | 0* | *[!0-9]* | ??????????*) refuse_setting "$1" "$2" "a whole number from 1 to 999999999" ;;
  esac
}
