#!/usr/bin/env bash
# Runs a command where users can make user namespaces, of which a sealed session is one. Ubuntu 23.10 and newer let a user without rights
# make none that is of use (kernel.apparmor_restrict_unprivileged_userns, sysctl.d/10-apparmor.conf).
#
#   user-namespaces.sh auto|profile|setting|leave COMMAND [ARGUMENT...]
#
# auto     `setting` on a runner of GitHub's own, a machine that is thrown away after the job; elsewhere `leave`
# profile  loads an AppArmor profile that lets containers of cloister make them, and nothing else
# setting  switches the restriction off until the last command that needs it has ended
# leave    changes nothing: sessions are refused, and say why
set -euo pipefail

# Of the whole computer, as the restriction is. Jobs share it.
setting=${CLOISTER_CI_SETTING:-/proc/sys/kernel/apparmor_restrict_unprivileged_userns}
# The lock, which each command has a share of while it runs. With .off beside it the restriction is off, and was on before.
state=${CLOISTER_CI_STATE:-/run/cloister-user-namespaces}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
as_root=(sudo -n)
if [ "$(id -u)" = 0 ]; then as_root=(); fi

say() { echo "cloister: $*"; }

is_on() { [ -r "$1" ] && [ "$(cat "$1")" = 1 ]; }

allow() {
  local how=$1
  if ! is_on "$setting" && [ ! -e "$state.off" ]; then
    say "this runner lets users make user namespaces: nothing is changed"
    return
  fi
  if [ "$how" = auto ]; then
    how=leave
    if [ "${RUNNER_ENVIRONMENT:-}" = github-hosted ]; then how=setting; fi
  fi
  case $how in
    profile)
      "${as_root[@]}" apparmor_parser --replace "$here/apparmor-profile"
      say "the AppArmor profile cloister-container is loaded: it lets cloister's containers make user namespaces"
      export CLOISTER_APPARMOR_PROFILE=cloister-container
      ;;
    setting)
      say "user namespaces are restricted here (kernel.apparmor_restrict_unprivileged_userns): switched off until the step ends"
      switch_off
      ;;
    leave)
      local is="is 1), and are left so: sessions will be refused."
      if ! is_on "$setting"; then
        is="is 0 only while another job runs), and are left so: sessions will be refused once that job has ended."
      fi
      say "user namespaces are restricted here (kernel.apparmor_restrict_unprivileged_userns $is" \
        "On a machine that is thrown away write user-namespaces: setting; on one that stays, profile."
      ;;
  esac
}

# The command has the writing end of a pipe. The kernel closes it when the command is gone, also after kill -9.
switch_off() {
  local folder
  folder=$(mktemp -d)
  mkfifo "$folder/pipe"
  # With both ends, so that nobody waits for the other.
  exec 9<>"$folder/pipe"
  "${as_root[@]}" bash "$self" --hold "$setting" "$state" "$folder/pipe" 9>&- || {
    rm -r "$folder"
    exit 2
  }
  rm -r "$folder"
}

# As root: takes a share, switches off, and leaves a process that waits for the command's end.
hold() {
  local setting=$1 state=$2
  umask 077
  exec 8<"$3" 7>>"$state"
  flock --shared 7
  if is_on "$setting"; then
    # First: a job that is killed between the two leaves too much said, not too little.
    : >"$state.off"
    echo 0 >"$setting"
  fi
  # Not one of the job's processes, which a runner ends with it (RUNNER_TRACKING_ID), and without the job's secrets.
  setsid --fork env -i PATH="$PATH" bash "$self" --wait "$setting" "$state" </dev/null >/dev/null 2>&1
}

wait_and_restore() {
  local setting=$1 state=$2
  trap 'restore; exit' TERM INT HUP
  cat <&8 7>&- >/dev/null &
  # By itself it would end only after what it waits for.
  wait $! || true
  restore
}

# Gives the share back, and switches on again when nobody has another. Of two that end at once the later has the lock.
restore() {
  if flock --exclusive --nonblock 7 && [ -e "$state.off" ]; then
    echo 1 >"$setting"
    rm "$state.off"
  fi
}

# An empty input is none. What is wrong is told where the runner shows it, without the text that was given.
refuse() {
  say "$1" >&2
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "exit-code=2" >>"$GITHUB_OUTPUT" || true; fi
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    printf '## Sealed session: not run\n\n- `%s`\n' "${1//[^A-Za-z0-9 .,:-]/?}" >>"$GITHUB_STEP_SUMMARY" || true
  fi
  exit 2
}

# bash reads its script as it goes on, and this one waits as root. So nothing is read after the branch that was taken.
case ${1:-auto} in
  auto | profile | setting | leave)
    if [ $# -lt 2 ]; then refuse "user-namespaces.sh ${1:-}: name the command to run"; fi
    allow "${1:-auto}"
    shift
    exec "$@"
    ;;
  --hold)
    hold "$2" "$3" "$4"
    exit
    ;;
  --wait)
    wait_and_restore "$2" "$3"
    exit
    ;;
  *)
    refuse "user-namespaces: $1: write auto, profile, setting or leave"
    ;;
esac
