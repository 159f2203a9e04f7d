#!/usr/bin/env bash
# Lets a runner make user namespaces, of which a sealed session is one. Ubuntu 23.10 and newer let a user without rights
# make none that is of use (kernel.apparmor_restrict_unprivileged_userns, sysctl.d/10-apparmor.conf).
#
#   user-namespaces.sh allow [auto|profile|setting|leave]
#   user-namespaces.sh restore
#
# auto     `setting` on a runner of GitHub's own, a machine that is thrown away after the job; elsewhere `leave`
# profile  loads an AppArmor profile that lets containers of cloister make them, and nothing else
# setting  switches the restriction off until `restore`
# leave    changes nothing: sessions are refused, and say why
set -euo pipefail

setting=${CLOISTER_CI_SETTING:-/proc/sys/kernel/apparmor_restrict_unprivileged_userns}
# Jobs of one user may share the folder.
job=${CI_JOB_ID:-${GITHUB_RUN_ID:-}}
state=${CLOISTER_CI_STATE:-${RUNNER_TEMP:-/tmp}/cloister-user-namespaces${job:+-$job}}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
as_root=(sudo -n)
if [ "$(id -u)" = 0 ]; then as_root=(); fi

say() { echo "cloister: $*"; }

restricted() { [ -r "$setting" ] && [ "$(cat "$setting")" = 1 ]; }

allow() {
  local how=$1
  case $how in
    auto | profile | setting | leave) ;;
    *)
      say "user-namespaces: $how: write auto, profile, setting or leave" >&2
      exit 2
      ;;
  esac
  if ! restricted; then
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
      if [ -n "${GITHUB_ENV:-}" ]; then echo "CLOISTER_APPARMOR_PROFILE=cloister-container" >>"$GITHUB_ENV"; fi
      ;;
    setting)
      # Where the folder is everybody's, another user's file or link there is not written through.
      rm -f "$state"
      (set -o noclobber && : >"$state")
      echo 0 | "${as_root[@]}" tee "$setting" >/dev/null
      say "user namespaces are restricted here (kernel.apparmor_restrict_unprivileged_userns is 1): switched off until the end of the step"
      ;;
    leave)
      say "user namespaces are restricted here (kernel.apparmor_restrict_unprivileged_userns is 1), and are left so: sessions will be refused." \
        "On a machine that is thrown away write user-namespaces: setting; on one that stays, profile."
      ;;
  esac
}

restore() {
  # Another user's file or link of that name says nothing, and could not be removed.
  if [ -O "$state" ] && [ ! -L "$state" ]; then
    rm -f "$state"
    echo 1 | "${as_root[@]}" tee "$setting" >/dev/null
    say "user namespaces are restricted again"
  fi
}

case ${1:-} in
  allow) allow "${2:-auto}" ;;
  restore) restore ;;
  *)
    say "usage: user-namespaces.sh allow [auto|profile|setting|leave], or restore" >&2
    exit 2
    ;;
esac
