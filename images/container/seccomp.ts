/**
 * The seccomp profile of the container, in the form that docker and podman read (container/seccomp.json is this, written out). It is a
 * positive list: a call that is not named answers ENOSYS, as on a kernel without it, so that libraries do without. What is here beyond an ordinary program's needs is for bubblewrap, which makes
 * namespaces and mounts inside a user namespace, and for the guard of deletions. Every session adds its own two filters, under which
 * those calls are refused again.
 */

/** Calls that programs make on their own files, memory, time, processes and sockets. */
const ORDINARY: Readonly<Record<string, string>> = {
  files: `access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate fchdir
    fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync flock fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown link linkat lseek lstat mkdir mkdirat mknod mknodat
    newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename
    renameat renameat2 rmdir sendfile splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink
    unlinkat utime utimensat utimes write writev`,
  attributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr removexattr
    setxattr`,
  waiting: `epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 pause poll ppoll pselect6 select
    signalfd signalfd4`,
  aio: `io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit`,
  memory: `brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap
    pkey_alloc pkey_free pkey_mprotect remap_file_pages`,
  time: `alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times`,
  processes: `clone capget capset execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list
    getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage
    getsid gettid getuid ioprio_get ioprio_set kill pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease restart_syscall rseq
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list set_tid_address
    setfsgid setfsuid setgid setgroups setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack
    sysinfo tgkill tkill uname vfork wait4 waitid`,
  sockets: `accept accept4 bind connect getpeername getsockname getsockopt listen pipe pipe2 recvfrom recvmmsg recvmsg sendmmsg sendmsg
    sendto setsockopt shutdown socketpair`,
  ipc: `mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
    shmat shmctl shmdt shmget`,
};

/** The session's own filters, its Landlock domain, and the guard, which reads paths from its callers' memory. */
const SEALING = "landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_getfd process_vm_readv seccomp";

/** What bubblewrap does inside its user namespace, and the guard's way into the session's root. */
const NAMESPACES = "chroot mount pivot_root sethostname umount2";

const CLONE_NEWUSER = 0x10000000;
const ENOSYS = 38;
const AF_VSOCK = 40;
const AF_ALG = 38;

interface Rule {
  readonly names: readonly string[];
  readonly action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly op: string }[];
  readonly includes?: { readonly arches: readonly string[] };
}

/** The profile. Not in it: clone3, whose flags are in memory, where no filter looks. 32-bit calls are not in it: without their architecture the kernel's filter refuses them all. */
export function seccompProfile() {
  const words = (text: string) => text.split(/\s+/).filter(Boolean);
  const names = [...new Set([...Object.values(ORDINARY), SEALING, NAMESPACES].flatMap(words))].sort();
  const allow = (call: string, index: number, value: number, op = "SCMP_CMP_EQ"): Rule => ({
    names: [call],
    action: "SCMP_ACT_ALLOW",
    args: [{ index, value, op }],
  });
  const syscalls: Rule[] = [
    { names, action: "SCMP_ACT_ALLOW" },
    // User namespaces alone: all others are made by one clone(2), by bubblewrap.
    allow("unshare", 0, CLONE_NEWUSER),
    allow("setns", 1, CLONE_NEWUSER),
    // Neither the host's virtual sockets nor the kernel's cryptography, which a network namespace does not confine.
    {
      names: ["socket"],
      action: "SCMP_ACT_ALLOW",
      args: [
        { index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" },
        { index: 0, value: AF_ALG, op: "SCMP_CMP_NE" },
      ],
    },
    // Linux's own execution domain, and the question which it is.
    allow("personality", 0, 0),
    allow("personality", 0, 0xffffffff),
    // docker 20.10 does not read the default's number, and answers EPERM: after that the C library makes no thread.
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
    { names: ["arch_prctl"], action: "SCMP_ACT_ALLOW", includes: { arches: ["amd64"] } },
  ];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: ENOSYS,
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: [] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: [] },
    ],
    syscalls,
  };
}

/** The text of container/seccomp.json. */
export const seccompText = (): string => `${JSON.stringify(seccompProfile(), undefined, 2)}\n`;
