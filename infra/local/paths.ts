import { createHash } from "node:crypto";
import { isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { socketFolder } from "./sockets.ts";

/** Files and folders of a stack's machine. All of it is removed by `pulumi destroy`. */
export interface Paths {
  /** The folder itself. */
  readonly root: string;
  /** Private key that leads into the machine; `.pub` beside it. */
  readonly sshKey: string;
  readonly knownHosts: string;
  readonly runtimeDisk: string;
  readonly seed: string;
  readonly rootDisk: string;
  /** There until a machine was verified on this root disk: its image's digest, and whether its first boot has `begun`. */
  readonly firstBoot: string;
  readonly sessionDisk: string;
  /** The machine's own copy of the firmware's variables. */
  readonly firmwareVariables: string;
  /** Output of the machine's serial line since its last start. */
  readonly console: string;
  /** Errors and warnings of QEMU itself. */
  readonly qemuLog: string;
  /** Record of how the running machine was started: see `host/process.ts`. */
  readonly process: string;
  /** File in which QEMU leaves the number of its process. */
  readonly pid: string;
  /** The last verification report. */
  readonly verification: string;
  /** Folder for what the first session of `npm start` brought back. */
  readonly firstSession: string;
  /** QEMU's control socket (QMP). In a short folder: see sockets.ts. */
  readonly control: string;
  /** Socket of the connection that commands share (connection.ts), in the same folder. */
  readonly connection: string;
  /** Marker in the command line of this stack's QEMU process, by which it is told from all others. */
  readonly marker: string;
  /** The same of the packet filter of its machine, without the other in it. */
  readonly filterMarker: string;
}

/**
 * @param project folder of the Pulumi project, absolute
 * @param stack name of the stack
 * @param stateDirectory `cloister:stateDirectory`; relative to the project, empty for `.cloister/<stack>`
 */
export function pathsOf(project: string, stack: string, stateDirectory = ""): Paths {
  return pathsIn(resolve(project, stateDirectory || join(".cloister", stack)));
}

/** Root of the project, absolute, wherever it is now. */
const PROJECT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/**
 * The folder as Pulumi's state has it: below the project relative to that, so that the project can be moved with its state and
 * nothing of its machine changes.
 */
export function rootInState(paths: Pick<Paths, "root">, project: string): string {
  const below = relative(project, paths.root);
  return below === "" || below.startsWith("..") || isAbsolute(below) ? paths.root : below;
}

/** The paths of a folder that Pulumi's state names; see {@link rootInState}. */
export function pathsInState(root: string): Paths {
  return pathsIn(resolve(PROJECT, root));
}

/** The same for a folder that is known already. */
export function pathsIn(root: string): Paths {
  const hash = createHash("sha256").update(root).digest("hex").slice(0, 16);
  const marker = `cloister-${hash}`;
  const sockets = socketFolder();
  return {
    root,
    sshKey: join(root, "ssh", "id_ed25519"),
    knownHosts: join(root, "ssh", "known_hosts"),
    runtimeDisk: join(root, "runtime.squashfs"),
    seed: join(root, "seed.iso"),
    rootDisk: join(root, "root.qcow2"),
    firstBoot: join(root, "root.first-boot"),
    sessionDisk: join(root, "session.qcow2"),
    firmwareVariables: join(root, "firmware-variables.fd"),
    console: join(root, "console.log"),
    qemuLog: join(root, "qemu.log"),
    process: join(root, "process.json"),
    pid: join(root, "qemu.pid"),
    verification: join(root, "verification.json"),
    firstSession: join(root, "first-session"),
    control: join(sockets, `${marker}.qmp`),
    connection: join(sockets, `${marker}.ssh`),
    marker,
    filterMarker: `cloister-filter-${hash}`,
  };
}
