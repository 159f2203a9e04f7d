# shellcheck shell=sh
# The rest of the system: swap, the second wall, units. Needs lib.sh.

# Whether something is mounted at a folder.
mounted() { # FOLDER
  while read -r _source _target _rest; do
    [ "$_target" = "$1" ] && return 0
  done <"$CLOISTER_PROC/mounts"
  return 1
}

# Turns swap off, whatever the image has. The first line of /proc/swaps is its heading.
swap_in_use() {
  _lines=0
  while read -r _line; do _lines=$((_lines + 1)); done <"$CLOISTER_PROC/swaps"
  [ "$_lines" -gt 1 ]
}

no_swap() {
  swap_in_use || return 0
  swapoff -a
  ! swap_in_use || stop "swap could not be turned off (swapoff -a): see /proc/swaps"
}

# What stays closed even for a process that got out of its sandbox.
second_wall() {
  _said=$(nft -f "$CLOISTER_HOME/boot/wall.nft" 2>&1) || stop "could not load the packet filter: $_said"
  # No session runs without this (guest/verify/readiness.ts).
  printf '' 2>/dev/null >"$CLOISTER_RUN/wall" || stop "cannot write $CLOISTER_RUN/wall"
}

# What is not the network's: connections to the machine's own services, by users of sessions outside their seal.
socket_wall() {
  _said=$("$CLOISTER_HOME/bin/boot-helper" sockets "$CLOISTER_SYS/fs/cgroup" 2>&1) ||
    notice "users of sessions are not kept from the machine's own sockets: $_said"
}

# No row about a session's network is dropped for its rate: journald drops what a unit writes beyond a limit (journald.conf(5)),
# which a session could reach by asking often. Rows go when they are the oldest and the journal is as large as it may be.
whole_journal() {
  _settings=$CLOISTER_ETC/systemd/journald.conf.d/cloister.conf
  [ ! -s "$_settings" ] || return 0
  { mkdir -p "${_settings%/*}" && printf '[Journal]\nRateLimitIntervalSec=0\n' >"$_settings"; } 2>/dev/null &&
    systemctl restart systemd-journald.service ||
    notice "the journal's limit could not be lifted ($_settings): audit rows may get lost"
}

# Makes the units of the runtime image known, with the limits of this machine. systemd (246 and newer) notices new files by
# itself, so nothing needs to be reloaded at boot.
install_units() { # MEMORY_MIB TASKS_MAX
  _units=${CLOISTER_UNITS:-/run/systemd/system}
  mkdir -p "$_units/cloister.slice.d" "${CLOISTER_BIN:-/usr/local/bin}" || stop "cannot make $_units"
  ln -sf "$CLOISTER_HOME"/units/* "$_units/" || stop "cannot link the units"
  ln -sf "$CLOISTER_HOME/bin/cloister" "${CLOISTER_BIN:-/usr/local/bin}/cloister" || stop "cannot link the cloister command"
  printf '[Slice]\nMemoryMax=%sM\nMemorySwapMax=0\nTasksMax=%s\n' "$1" "$2" >"$_units/cloister.slice.d/machine.conf"
}

# A session has no sight of the operator's home. Its user, outside of its sandbox, shall have none either: where the image makes
# homes that all may read (Debian before 12), it is closed.
close_home() {
  _home=$CLOISTER_HOMES/operator
  [ -d "$_home" ] || return 0
  chmod o= "$_home" || notice "$_home could not be closed to other users of the machine"
}

# Where the operator puts the folders that sessions are given.
session_folders() {
  [ ! -d "$CLOISTER_SESSIONS/folders" ] || return 0
  install -d -o operator -g operator "$CLOISTER_SESSIONS/folders" ||
    notice "$CLOISTER_SESSIONS/folders, for the folders of sessions, could not be made"
}

# What only one target has. Other user data makes another local machine, so that cloud-init, which takes a quarter of a boot
# where the machine is emulated, has nothing to do at its later boots (cloud-init, "How to disable cloud-init"). On AWS the
# signals of the machine's life cycle begin before the session disk is there.
start_target() { # TARGET
  if [ "$1" = local ]; then
    _marker=$CLOISTER_ETC/cloud/cloud-init.disabled
    # Not by `:`, a special builtin: where it cannot write, the shell itself ends.
    [ -e "$_marker" ] || { mkdir -p "${_marker%/*}" && printf '' >"$_marker"; } 2>/dev/null ||
      notice "$_marker could not be made: later boots take longer"
    return 0
  fi
  _said=$(systemctl start --no-block cloister-aws.service cloister-logs.service cloister-snaps.service 2>&1) ||
    stop "could not start the units of AWS: $_said"
}

# What cleans up after supervisors that died; on a local machine also what sets its clock when its computer slept. On AWS the
# image's own time synchronization does.
start_keeper() { # TARGET
  _clock=
  [ "$1" != local ] || _clock=cloister-clock.service
  # shellcheck disable=SC2086 # one word or none
  _said=$(systemctl start --no-block cloister-keeper.service $_clock 2>&1) || stop "could not start the keeper of sessions: $_said"
}

start_verification() {
  _said=$(systemctl start --no-block cloister-verify.service 2>&1) || stop "could not start the verification: $_said"
}
