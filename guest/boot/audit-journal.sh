# shellcheck shell=sh
# The journal of the audit rows (guest/egress/audit.ts): a namespace of journald with a size of its own, on the session disk,
# so that its rows outlive the machine. Needs lib.sh and system.sh; the session disk must be mounted.

# The most that it takes of the session disk, in MiB; less on a disk of which this is more than a twentieth.
audit_mib=256

# What journald is told about it. SystemKeepFree=0: a session that fills the disk must not push rows out.
# LineMax: a row is one line. SyncIntervalSec: so much is lost at most when the machine loses its power.
audit_settings() { # MIB
  printf '%s\n' '[Journal]' Storage=persistent "SystemMaxUse=${1}M" SystemKeepFree=0 RateLimitIntervalSec=0 \
    SyncIntervalSec=10s LineMax=64K ForwardToSyslog=no ForwardToWall=no
}

# Puts the journal's folder on the session disk where journald of any machine id finds it: rows of a machine that was replaced
# stay readable by the same command. systemd starts it with the first row (its sockets are started with the verification).
audit_journal() {
  _folder=$CLOISTER_SESSIONS/.cloister/audit
  _settings=$CLOISTER_SYSTEMD/journald@cloister-audit.conf.d
  _units=${CLOISTER_UNITS:-/run/systemd/system}
  read -r _id 2>/dev/null <"$CLOISTER_ETC/machine-id" || _id=
  _journal=$CLOISTER_VAR/log/journal/$_id.cloister-audit
  _mib=$audit_mib
  if _space=$(stat -f -c '%b %S' "$CLOISTER_SESSIONS" 2>/dev/null); then
    _share=$((${_space% *} * ${_space#* } / 1048576 / 20))
    [ "$_share" -ge "$_mib" ] || _mib=$_share
  fi
  # Written as root alone: who may not write to it cannot make rows up, and who may not read it learns nothing of others.
  if [ -n "$_id" ] && {
    mkdir -p "$_folder" "$_journal" "$_settings" "$_units/systemd-journald@cloister-audit.service.d" \
      "$_units/systemd-journald@cloister-audit.socket.d" && chmod 0700 "$_folder" &&
      audit_settings "$_mib" >"$_settings/cloister.conf" &&
      printf '[Service]\nLogsDirectoryMode=0700\n' >"$_units/systemd-journald@cloister-audit.service.d/cloister.conf" &&
      printf '[Unit]\nStopWhenUnneeded=no\n[Socket]\nSocketMode=0600\n' \
        >"$_units/systemd-journald@cloister-audit.socket.d/cloister.conf"
  } 2>/dev/null; then
    if mounted "$_journal" || mount --bind "$_folder" "$_journal"; then return 0; fi
  fi
  notice "the journal of audit rows could not be put on the session disk ($_folder)"
}
