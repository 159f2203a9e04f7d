import { join } from "node:path";
import { REFERENCE } from "../../contract/reference.ts";
import { RUN, RUN_FILES } from "../../contract/run-files.ts";
import type { MountMode } from "../../guest/sessions/request.ts";

/** The differences between engines that matter here. */
export interface EngineKind {
  readonly program: "docker" | "podman";
  readonly rootless: boolean;
  /** Version of the host's control groups. */
  readonly cgroups: 1 | 2;
  /** Control groups' controllers that a rootless engine may use. Default: all of them with version 2, none with version 1. */
  readonly controllers?: readonly string[];
  /** True when the host has AppArmor, with a profile of the engine's. */
  readonly apparmor: boolean;
  /** Name of a loaded AppArmor profile for containers. Default: none, so that they are unconfined. */
  readonly apparmorProfile?: string;
}

/** A folder of the caller's, as sessions of the container see it. */
export interface Folder {
  /** Absolute path on the host. */
  readonly source: string;
  readonly name: string;
  readonly mode: MountMode;
}

/** The settings of a container. Sizes are in MiB. */
export interface ContainerSpec {
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly pids: number;
  readonly tmpMiB: number;
  /** Size of all sessions' homes together. It is memory, and counts against the limit of memory. */
  readonly sessionsMiB: number;
  /** The user who owns the files that sessions make outside: never root. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly folders: readonly Folder[];
  /** Path of the seccomp profile on the host. */
  readonly seccomp: string;
  /** Folder on the host for the audit log. Default: in the container's memory. */
  readonly audit?: string;
  /** File on the host with the model's key. */
  readonly modelKey?: string;
}

/** The defaults: the reference's least size (row C2). */
export const DEFAULTS = { memoryMiB: 4096, cpus: 2, pids: 4096, tmpMiB: 512, sessionsMiB: 2048 } as const;

export const SECCOMP = join(import.meta.dirname, "../../container/seccomp.json");

/** One documented option, and its purpose. */
export interface Option {
  readonly words: readonly string[];
  readonly why: string;
}

/** The path of a host's folder inside the container. */
export const folderAt = (name: string): string => `/folders/${name}`;

const RUNNING_MIB = 64;

/** All options that confine the container, in the order of the documentation. A pure function. */
export function containerOptions(engine: EngineKind, spec: ContainerSpec): Option[] {
  const { uid, gid } = spec.user;
  const memory = `${spec.memoryMiB}m`;
  const limits = (controller: string) =>
    !engine.rootless || (engine.cgroups === 2 && (engine.controllers ?? [controller]).includes(controller));
  const inMemory = (path: string, size: number, more = "") =>
    `--tmpfs=${path}:rw,size=${size}m,mode=1777,nosuid,nodev${more}`;
  return [
    { words: [`--user=${uid}:${gid}`], why: "never root; files that are made in folders belong to this user outside" },
    ...(engine.program === "podman" && engine.rootless
      ? [{ words: ["--userns=keep-id"], why: "the caller has the same number inside" }]
      : []),
    { words: ["--cap-drop=ALL"], why: "no capability" },
    { words: ["--security-opt=no-new-privileges"], why: "no program gives rights" },
    {
      words: [`--security-opt=seccomp=${spec.seccomp}`],
      why: "the calls that a nested bubblewrap needs, and no others",
    },
    {
      words: [`--security-opt=${engine.program === "docker" ? "systempaths=unconfined" : "unmask=/proc/*"}`],
      why: "the kernel lets a session have a /proc of its own only where no part of this one is masked",
    },
    ...(engine.apparmor
      ? [
          {
            words: [`--security-opt=apparmor=${engine.apparmorProfile ?? "unconfined"}`],
            why: "the engine's AppArmor profile refuses every mount, bubblewrap's too",
          },
        ]
      : []),
    { words: ["--read-only"], why: "the image's own files stay as they are" },
    ...(engine.program === "podman"
      ? [{ words: ["--read-only-tmpfs=false"], why: "podman adds writable folders without a size otherwise" }]
      : []),
    { words: [inMemory(RUN, RUNNING_MIB)], why: "sockets of running sessions" },
    { words: [inMemory("/sessions", spec.sessionsMiB, ",exec")], why: "homes of sessions" },
    { words: [inMemory("/tmp", spec.tmpMiB, ",exec")], why: "sessions' own /tmp" },
    // Without its controller an engine refuses the option or ignores it; the container itself then says what it lacks.
    ...(limits("memory")
      ? [{ words: [`--memory=${memory}`, `--memory-swap=${memory}`], why: "at least 4 GB, and no swap" }]
      : []),
    ...(limits("cpu")
      ? [{ words: [`--cpus=${spec.cpus}`], why: "at least 2 processors' time, and no more than is asked for" }]
      : []),
    // podman's own default is 2048, and removing the option would change nothing.
    ...(limits("pids") && (engine.program === "docker" || spec.pids !== DEFAULTS.pids)
      ? [{ words: [`--pids-limit=${spec.pids}`], why: "a fork bomb ends here" }]
      : []),
    { words: [`--hostname=${REFERENCE.O3}`], why: "the reference's host name (row O3)" },
    ...spec.folders.map(({ source, name, mode }) => ({
      words: [`--volume=${source}:${folderAt(name)}${mode === "ro" ? ":ro" : ""}`],
      why: `the folder ${name}, ${mode}`,
    })),
    ...(spec.audit === undefined
      ? []
      : [{ words: [`--volume=${spec.audit}:/audit`], why: "the audit log outlives the container" }]),
    ...(spec.modelKey === undefined
      ? []
      : [
          {
            words: [`--volume=${spec.modelKey}:${RUN_FILES.modelKey}:ro`],
            why: "the model's key, which only the relay reads",
          },
        ]),
  ];
}

/** The words of the options. */
export const optionWords = (options: readonly Option[]): string[] => options.flatMap(({ words }) => words);

/** The options that tell the command in the container of the folders. */
export const mountWords = (folders: readonly Folder[]): string[] =>
  folders.flatMap(({ name, mode }) => ["--mount", `${folderAt(name)}:${name}:${mode}`]);
