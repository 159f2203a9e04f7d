# shellcheck shell=sh
# What the boot scripts share. Paths can be set by the environment, for tests.
: "${CLOISTER_CONSOLE:=/dev/console}" # the serial console, which the operator's computer reads
: "${CLOISTER_SYS:=/sys}"
: "${CLOISTER_DEV:=/dev}"
: "${CLOISTER_PROC:=/proc}"
: "${CLOISTER_ETC:=/etc}"
: "${CLOISTER_VAR:=/var}"
: "${CLOISTER_RUN:=/run/cloister}"
: "${CLOISTER_HOME:=/opt/cloister}" # the runtime image
: "${CLOISTER_SESSIONS:=/sessions}"
: "${CLOISTER_HOMES:=/home}"
: "${CLOISTER_SYSTEMD:=/run/systemd}" # settings of systemd and its services that a boot makes

# Tells the operator one line: on the console and in the journal.
say() {
  printf 'cloister: %s\n' "$*"
  printf 'cloister: %s\n' "$*" 2>/dev/null >"$CLOISTER_CONSOLE" || :
}

# This machine is not ready, and why. Who signals the machine's life cycle reads the reason in the file.
not_ready() {
  say "not ready: $*"
  printf '%s\n' "$*" 2>/dev/null >"$CLOISTER_RUN/failure" || :
}

# Ends the boot.
stop() {
  not_ready "$*"
  exit 1
}

# Keeps a line that the operator should see later too, and says it.
notice() {
  say "$*"
  printf '%s\n' "$*" >>"$CLOISTER_RUN/notices" || :
}
