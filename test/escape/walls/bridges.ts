import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "bridges",
  keeps: "Nothing inside is softer than the command: not the bridges, not the launcher, not the kernel's modules.",
  checks: [
    {
      id: "memory",
      source: "8",
      what: "/proc/1 to /proc/4: mem is opened for reading and writing, and their descriptors, environment and root are asked for, with Yama as the machine has it and, on a machine that lets it be turned off, without.",
    },
    {
      id: "inject",
      source: "8",
      what: "Code is written into a bridge, by /proc/PID/mem, process_vm_writev and ptrace.",
    },
    {
      id: "unix",
      source: "8",
      what: "AF_UNIX sockets by every call and type, in the command, its children, threads, sessions and other programs.",
    },
    {
      id: "locked",
      source: "8",
      what: "Root of the machine itself, once it is up, loads a kernel module, and unlocks loading: no module is loaded by anybody, and Yama is on.",
    },
    {
      id: "modules",
      slow: true,
      source: "8",
      what: "Sockets of every family, type and protocol, terminals' line disciplines, file systems, algorithms: no kernel module is loaded by it.",
    },
    {
      id: "scripts",
      slow: true,
      source: "8",
      what: "Files in a kept session's home under names that bash, socat and the loader read run nothing before the filters.",
    },
    {
      id: "filters",
      source: "8",
      what: "Every process inside has no capability, cannot gain privileges, and runs under two filters or one as strong.",
    },
  ],
};

/** Bridges and filters. */
export const bridges: Wall = batchWall(batch);
