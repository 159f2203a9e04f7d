# shellcheck shell=sh
# What the kernel lets processes do, whatever the image's own settings say. Needs lib.sh.

# Whether a setting is as it should be; leaves what was read in _now. The shell's read asks for one byte at a time, and the kernel tells
# nothing after the first: a longer value needs a process.
is_set() { # FILE TEST VALUE
  _now=
  read -r _now 2>/dev/null <"$1" || :
  test "$_now" "$2" "$3" 2>/dev/null || _now=$(cat "$1" 2>/dev/null) || :
  test "$_now" "$2" "$3" 2>/dev/null
}

# Sets one of the kernel's settings, where this kernel has it. A higher one stays: in all of these, more is stricter, or leaves more room.
at_least() { # NAME VALUE
  [ -e "$CLOISTER_PROC/sys/$1" ] || return 0
  is_set "$CLOISTER_PROC/sys/$1" -ge "$2" || set_kernel "$1" "$2"
}

# For those in which 0 is the strictest.
zero() { # NAME
  [ ! -e "$CLOISTER_PROC/sys/$1" ] || set_kernel "$1" 0
}

# Writes a setting and reads it again.
set_kernel() { # NAME VALUE
  { printf '%s\n' "$2" >"$CLOISTER_PROC/sys/$1"; } 2>/dev/null || :
  is_set "$CLOISTER_PROC/sys/$1" = "$2" || notice "the kernel's setting $1 is ${_now:-unknown} and could not be made $2"
}

# The second wall's part in the kernel: what a process could do that got out of its sandbox, as an ordinary user.
kernel_settings() {
  # Nobody looks into, or writes to, a process that is not its own child.
  at_least kernel/yama/ptrace_scope 1
  [ -e "$CLOISTER_PROC/sys/kernel/yama/ptrace_scope" ] ||
    notice "this kernel has no Yama: processes of one user may write to each other's memory"
  # User namespaces of sessions are made by root (guest/seal/internal/userns): nobody else needs to make any. Debian's and Ubuntu's
  # kernels have this setting.
  zero kernel/unprivileged_userns_clone
  # Addresses, messages and counters of the kernel, and programs in it, are for root.
  at_least kernel/kptr_restrict 2
  at_least kernel/dmesg_restrict 1
  at_least kernel/perf_event_paranoid 2
  at_least kernel/unprivileged_bpf_disabled 1
  zero vm/unprivileged_userfaultfd
  # Links and files of others in /tmp lead nobody astray, and root's programs leave no dumps there.
  at_least fs/protected_symlinks 1
  at_least fs/protected_hardlinks 1
  at_least fs/protected_fifos 2
  at_least fs/protected_regular 2
  zero fs/suid_dumpable
  # No line discipline's module is loaded because a terminal asks for it.
  zero dev/tty/ldisc_autoload
  # A filter that a session loads into itself could have each of its calls written into the machine's log, by the machine.
  [ ! -e "$CLOISTER_PROC/sys/kernel/seccomp/actions_logged" ] || set_kernel kernel/seccomp/actions_logged ""
  # What the kernel counts for all sessions together: each has a limit of its own (512 terminals, its memory), so that the
  # whole must be enough for many.
  at_least kernel/pty/max 65536
  # Closed connections with data left to send. Beyond this the kernel cuts off anybody's that are closed.
  at_least net/ipv4/tcp_max_orphans 1048576
  roomy net/ipv4/tcp_mem
  roomy net/ipv4/udp_mem
}

# Lets sockets have as many pages as the machine has. A control group counts what its own sockets hold, and the kernel's limit is one for
# all: a session within its memory could reach it, and everybody's connections would stall.
roomy() { # NAME
  [ -e "$CLOISTER_PROC/sys/$1" ] || return 0
  _word='' _kilobytes=0
  while read -r _word _kilobytes _; do
    [ "$_word" != MemTotal: ] || break
  done <"$CLOISTER_PROC/meminfo" || :
  [ "$_word" = MemTotal: ] || return 0
  _pages=$((_kilobytes / 4))
  set_kernel "$1" "$_pages	$_pages	$_pages"
}
