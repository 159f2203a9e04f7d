import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "reference",
  keeps: "What sandbox-runtime's own launcher leaves open (the reference, section 2.5) is closed here.",
  checks: [
    {
      id: "namespaces",
      source: "2.5",
      what: "unshare, clone and clone3 for user and other namespaces, setns, and mounts of every kind.",
    },
    {
      id: "sockets",
      source: "2.5",
      what: "AF_VSOCK, AF_NETLINK beyond routes, packet, raw, ALG, Bluetooth, CAN, XDP.",
    },
    { id: "keyrings", source: "2.5", what: "keyctl, add_key, request_key." },
    {
      id: "ipc",
      source: "2.5",
      what: "SysV shared memory made outside with mode 0666; POSIX shared memory; message queues.",
    },
    {
      id: "descriptors",
      source: "2.5",
      what: "A pipe of the caller's, not closed on exec, does not reach the command.",
    },
    { id: "personality", source: "2.5", what: "personality(READ_IMPLIES_EXEC), and address randomisation turned off." },
    { id: "tmpfs", source: "2.5", what: "/dev/shm and /tmp have a size, less than half of the machine's memory." },
    { id: "environment", source: "2.5", what: "No variable of the caller's reaches the command." },
    { id: "tmp", source: "2.5", what: "/tmp is the session's own, and writable; another's file in it is not there." },
    {
      id: "kernel",
      source: "2.5",
      what: "bpf, perf, fanotify, userfaultfd, io_uring, kexec, modules, reboot, swap, quotas, clocks, host name, kcore, kmsg, oom score.",
    },
    {
      id: "processes",
      source: "2.5",
      what: "ptrace, process_vm_readv, pidfd_getfd, kcmp, signals to other sessions' processes.",
    },
    { id: "terminal", source: "2.5", what: "TIOCSTI with a terminal of its own." },
    { id: "foreign", source: "2.5", what: "32-bit and x32 calls." },
    { id: "suid", source: "2.5", what: "A set-user-id program of the machine's, and one with file capabilities." },
    {
      id: "files",
      source: "2.5",
      what: "Files of the machine, of other sessions and of root's below /proc and /sys, for reading and for writing.",
    },
    {
      id: "processor",
      source: "2.5",
      what: "Scheduling as real time, negative nice, ioprio of real time.",
    },
    {
      id: "locks",
      source: "N4",
      what: "/proc/locks is searched for a lock that root holds; sessions could speak to each other by such locks.",
    },
    {
      id: "crash",
      source: "limits",
      what: "It crashes, with three limits of core dumps: the machine's handler of crashes, which is root's, is not started.",
    },
    {
      id: "events",
      source: "limits",
      what: "It asks for events of asynchronous I/O, of which the machine has one number for all: it gets none.",
    },
    {
      id: "pages",
      source: "limits",
      what: "It asks which pages of the machine's programs others use: by reads that do not wait, and by cachestat.",
    },
  ],
};

/** The list of the reference. */
export const reference: Wall = batchWall(batch);
