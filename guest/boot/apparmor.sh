# shellcheck shell=sh
# AppArmor's restriction of user namespaces (Ubuntu 24.04): a profile lets the launcher of sessions make them. Needs lib.sh.

# Loads the profile where the kernel restricts namespaces. Elsewhere no process is started: an older AppArmor does not know the
# profile's rule, and needs none.
launcher_profile() {
  _restricted=
  read -r _restricted 2>/dev/null <"$CLOISTER_PROC/sys/kernel/apparmor_restrict_unprivileged_userns" || :
  [ "${_restricted:-0}" != 0 ] || return 0
  _said=$(apparmor_parser --replace --skip-cache "$CLOISTER_HOME/boot/launcher.apparmor" 2>&1) && return 0
  notice "AppArmor restricts user namespaces on this machine (kernel.apparmor_restrict_unprivileged_userns is $_restricted), and the profile of the launcher of sessions could not be loaded: ${_said:-apparmor_parser said nothing}. Sessions may not start; to go on without the restriction: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
}
