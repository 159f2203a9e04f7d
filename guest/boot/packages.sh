# shellcheck shell=sh
# Packages that the distribution's image lacks. They come from the runtime image where it has them, which takes no network; the
# rest comes from the mirror, which is asked until time is up. Needs lib.sh. boot/packages.list names those that every machine
# has: `needed` ones, without which there is no session, and each `tool` that sessions find useful.
# apt works in folders of our own: of all locks that another apt may hold, dpkg's is left, and apt waits for that one.

# Seconds between two tries; the last one repeats.
: "${CLOISTER_BACKOFF:=2 4 8 16 30}"
# Seconds for tools that only the mirror has: a machine without them is still one.
: "${CLOISTER_TOOL_SECONDS:=60}"

# Runs apt-get in a folder of our own. No package asks anything, and none restarts services of others.
apt_get() { # FOLDER SECONDS ARGUMENT...
  _folder=$1 _most=$2
  shift 2
  # A machine that loses its power while it is made is made anew: nothing waits for the disk.
  set -- -q -y --no-install-recommends -o "Dir::State::Lists=$_folder/lists" -o "Dir::Cache=$_folder/cache" \
    -o "DPkg::Lock::Timeout=$_most" -o Acquire::Languages=none -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
    -o Acquire::https::Timeout=20 -o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false \
    -o DPkg::Options::=--force-confdef -o DPkg::Options::=--force-confold -o DPkg::Options::=--force-unsafe-io "$@"
  # shellcheck disable=SC2086 # empty, or two words
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8 ${_ended_by:-} \
    apt-get "$@" >"$_folder/said" 2>&1 </dev/null
}

# The same for what only the network does, which can be ended at any time.
apt_fetch() { # FOLDER SECONDS ARGUMENT...
  _ended_by="timeout $2"
  apt_get "$@"
  _code=$? _ended_by=
  return "$_code"
}

# The first error that apt told, else the last line that it said before it was ended.
apt_reason() { # FOLDER
  _reason=
  while read -r _line || [ -n "$_line" ]; do
    case $_line in
      "E: "*)
        _reason=${_line#E: }
        break
        ;;
      # It was ended before apt gave up.
      "Ign:"*) _reason="no answer: ${_line#Ign:* }" ;;
      ?*) _reason=$_line ;;
    esac
  done <"$1/said"
  printf '%.300s\n' "${_reason:-apt-get said nothing}"
}

apt_folder() { # FOLDER
  mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
}

# Installs packages from the runtime image's folder for this release, in one transaction. apt checks each by its digest in
# that folder's index. Returns 1 and prints why when it cannot.
install_from_image() { # NAME...
  _image=$CLOISTER_RUN/apt-image
  # The image was checked by its digest before it was mounted: the index needs no signature of its own.
  apt_folder "$_image" &&
    printf 'deb [trusted=yes] file:%s ./\n' "$CLOISTER_HOME/debs/$ID-$VERSION_ID" >"$_image/sources" || return 1
  set -- -o "Dir::Etc::SourceList=$_image/sources" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root install "$@"
  if apt_get "$_image" 600 "$1" "$2" "$3" "$4" "$5" "$6" update && apt_get "$_image" 600 "$@"; then return 0; fi
  apt_reason "$_image"
  return 1
}

# Seconds until a time, at least 1. Times are seconds since the machine started.
seconds_until() { # TIME
  _now=0
  read -r _now _rest <"$CLOISTER_PROC/uptime" || :
  _left=$(($1 - ${_now%%.*}))
  [ "$_left" -gt 0 ] || _left=1
  printf '%s\n' "$_left"
}

# The time until which a mirror is asked for what a machine can do without, and at most until another time.
soon() { # TIME [SECONDS]
  _soon=$(($1 - $(seconds_until "$1") + ${2:-$CLOISTER_TOOL_SECONDS}))
  [ "$_soon" -lt "$1" ] || _soon=$1
  printf '%s\n' "$_soon"
}

# One try at fetching packages into a folder of our own, $_mirror. Returns 1 when another one may help, 2 when none will; then it
# prints why.
fetch_packages() { # TIME NAME...
  _mirror=$CLOISTER_VAR/cache/cloister/apt _until=$1 _why=
  shift
  apt_folder "$_mirror" || return 2
  apt_fetch "$_mirror" "$(seconds_until "$_until")" update -o APT::Update::Error-Mode=any || _why=$(apt_reason "$_mirror")
  # Lists that some index is missing from may do: not every mirror has all of them.
  if ! apt_fetch "$_mirror" "$(seconds_until "$_until")" --download-only install "$@"; then
    printf '%s\n' "${_why:=$(apt_reason "$_mirror")}"
    case $_why in
      "Unable to locate package "* | "Package "*" has no installation candidate") return 2 ;;
    esac
    return 1
  fi
}

# One try at installing packages, likewise.
try_mirror() { # TIME NAME...
  fetch_packages "$@" || return
  shift
  # dpkg is left alone once it works.
  apt_get "$_mirror" "$(seconds_until "$_until")" --no-download install "$@" && return 0
  apt_reason "$_mirror"
  # Finishes what was half installed when a machine lost its power.
  DEBIAN_FRONTEND=noninteractive dpkg --configure -a >/dev/null 2>&1 </dev/null || :
  return 1
}

# Installs packages from the mirror. Says why not in $_why_not, and returns 1, when no try until then was successful.
install_from_mirror() { # TIME NAME...
  from_mirror try_mirror "$@"
}

# The same with another way to try. Returns what the last try returned.
from_mirror() { # TRY TIME NAME...
  _try=$1 _until=$2 _tries=0 _waits=$CLOISTER_BACKOFF
  shift 2
  say "installing $* from the mirror of packages"
  systemctl start network-online.target || say "the network is not online"
  while :; do
    _tries=$((_tries + 1))
    _said=$("$_try" "$_until" "$@") && {
      rm -rf "$CLOISTER_VAR/cache/cloister/apt"
      return 0
    }
    _final=$?
    [ "$_final" -eq 1 ] || break
    _left=$(seconds_until "$_until")
    [ "$_left" -gt 1 ] || break
    say "packages: $_said; trying again for at most $_left s"
    sleep "${_waits%% *}"
    _waits=${_waits#* }
  done
  _why_not="$_said (tries: $_tries)"
  return "$_final"
}

# The names of the list that have this word before them.
listed() { # WORD
  while read -r _kind _name; do
    [ "$_kind" != "$1" ] || printf '%s ' "$_name"
  done <"$CLOISTER_HOME/boot/packages.list"
}

# Those that are not installed, by dpkg's word in $_installed.
lacking() { # NAME...
  for _name; do
    case $_installed in
      *"
$_name installed
"*) ;;
      *) printf '%s ' "$_name" ;;
    esac
  done
}

# Debian's stand-in image has no sources of packages: it gets the one that its operator's computer uses.
debian_source() { # MIRROR
  [ -n "$1" ] && [ "$ID" = debian ] && [ ! -e "$CLOISTER_ETC/apt/sources.list.d/cloister.list" ] || return 0
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$1" "$VERSION_CODENAME" \
    >"$CLOISTER_ETC/apt/sources.list.d/cloister.list" || stop "cannot write $CLOISTER_ETC/apt/sources.list.d/cloister.list"
}

# Which release this is: ID, VERSION_ID and VERSION_CODENAME of os-release(5), a file of the distribution's.
this_release() {
  ID='' VERSION_ID='' VERSION_CODENAME=
  # shellcheck disable=SC1091 # of the machine
  [ ! -r "$CLOISTER_ETC/os-release" ] || . "$CLOISTER_ETC/os-release"
}

# Installs what is lacking: of the list, and of what the stack's configuration asks for. Needs this_release.
machine_packages() { # EXTRA (comma-separated) TIME DEBIAN_MIRROR
  _extra=$(printf '%s' "$1" | tr ',' ' ') _end=$2 _debian=$3
  _needed=$(listed needed) _tools=$(listed tool) _stamp=$CLOISTER_VAR/lib/cloister/packages
  _all="$_needed$_tools$_extra" _done=
  if [ -r "$_stamp" ]; then read -r _done <"$_stamp" || :; fi
  [ "$_done" != "$_all" ] || return 0
  # shellcheck disable=SC2086 # names of packages, here and below
  _installed="
$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' $_all 2>/dev/null)
"
  # shellcheck disable=SC2086
  _needed=$(lacking $_needed) _tools=$(lacking $_tools) _extra=$(lacking $_extra)
  if [ -n "$_needed$_tools" ] && [ -r "$CLOISTER_HOME/debs/$ID-$VERSION_ID/Packages" ]; then
    say "installing from the runtime image: $_needed$_tools"
    # In two: what sessions need goes with any version of the image's own packages, compilers do not.
    # shellcheck disable=SC2086
    if [ -z "$_needed" ] || _said=$(install_from_image $_needed); then _needed=; else
      notice "packages of the runtime image could not be installed ($_said): they come from the mirror"
    fi
    # shellcheck disable=SC2086
    if [ -z "$_tools" ] || _said=$(install_from_image $_tools); then _tools=; else
      notice "tools of the runtime image could not be installed ($_said): they come from the mirror"
    fi
  fi
  [ -z "$_needed$_tools$_extra" ] || debian_source "$_debian"
  # shellcheck disable=SC2086
  [ -z "$_needed$_extra" ] || install_from_mirror "$_end" $_needed $_extra ||
    stop "could not install ${_needed}${_extra}from the mirror of packages: $_why_not. See cloister:packages, cloister:aptMirror and docs/machine-contents.md"
  if [ -n "$_tools" ]; then
    # shellcheck disable=SC2086
    install_from_mirror "$(soon "$_end")" $_tools || {
      notice "this machine lacks ${_tools}which no mirror gave: $_why_not"
      return 0
    }
  fi
  { mkdir -p "${_stamp%/*}" && printf '%s\n' "$_all" >"$_stamp"; } 2>/dev/null ||
    notice "$_stamp could not be written: later boots look at all packages again"
}

# Ubuntu 22.04's cloud image starts with kernel 5.15. The reference runs 6.8, which Ubuntu has as the hardware enablement
# stack of 22.04. AWS's image of the same Ubuntu has a kernel of its own, of 6.8 already. Needs this_release.
reference_kernel() { # TIME
  case $ID:$VERSION_ID:$(uname -r) in
    ubuntu:22.04:5.*) ;;
    *) return 0 ;;
  esac
  [ ! -e "$CLOISTER_ETC/cloister/kernel" ] || stop "kernel 6.8 was installed, yet $(uname -r) started"
  install_from_mirror "$1" linux-image-virtual-hwe-22.04 ||
    stop "could not install kernel 6.8 from the mirror of packages: $_why_not"
  : >"$CLOISTER_ETC/cloister/kernel"
  say "starting again with kernel 6.8"
  # It ends this service, too, which is no failure of it.
  trap '' TERM
  systemctl reboot
  exit 0
}

# apt's own timers, which fire at an image's first boot, wait until the machine is ready (boot/timers-again). Which they are
# is known by links: no process is started where there are none.
hold_timers() {
  _timers=
  for _timer in apt-daily.timer apt-daily-upgrade.timer; do
    [ ! -e "$CLOISTER_ETC/systemd/system/timers.target.wants/$_timer" ] || _timers="$_timers $_timer"
  done
  [ -n "$_timers" ] || return 0
  # shellcheck disable=SC2086
  systemctl stop $_timers || say "apt's timers could not be stopped:$_timers"
  printf '%s\n' "$_timers" >"$CLOISTER_RUN/held-timers" || :
}
