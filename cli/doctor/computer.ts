import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import semver from "semver";
import { findEngine, NoEngine } from "../../infra/container/engine.ts";
import { livingProcess } from "../../infra/local/host/living.ts";
import {
  availableMemoryMiB,
  freeDiskMiB,
  machineArchitecture,
  missingOfQemu,
  portFacts,
  preflight,
} from "../../infra/local/preflight.ts";
import { qemuProgram } from "../../infra/local/qemu.ts";
import { makeOursAlone } from "../../infra/local/sockets.ts";
import { sha256 } from "../../lib/store.ts";
import type { Requirement } from "../../lib/system/requirements.ts";
import { missingOf, nameOf, planFor } from "../../lib/system/select.ts";
import { canWrite, keepsModes, nearestFolder, runsPrograms } from "../start/place.ts";
import { accelerated } from "./accelerated.ts";
import { type Finding, type Look, note, ok, problem } from "./finding.ts";
import type { Here, LocalStack } from "./here.ts";

/** The oldest Node that the project takes; package.json says the same. */
const NODE = ">=20.11";

/** A running machine's disks grow as they are filled: less room than this is worth knowing. MiB. */
const LITTLE_MIB = 2_048;

/** What every target needs of this computer. */
export function computerLooks(here: Here): Readonly<Record<string, Look>> {
  return {
    node: async () => nodeLook(here),
    packages: async () => packagesLook(here),
    namespaces: async () => namespacesLook(here),
    cache: async () => writableLook("cache", here.cache, OTHER_CACHE),
    programsOfCache: async () =>
      runsPrograms(nearestFolder(here.cache))
        ? []
        : problem(
            "noexec",
            `${here.cache} is on a file system that runs no programs (mounted noexec), and Pulumi is kept in it`,
            OTHER_CACHE,
          ),
  };
}

const OTHER_CACHE = "CLOISTER_CACHE_DIR=/a/folder names another one.";

/** What a machine on this computer needs of it. */
export function localLooks(here: Here, stack: LocalStack): Readonly<Record<string, Look>> {
  const { settings, paths } = stack;
  const architecture = machineArchitecture(settings);
  return {
    platform: async () =>
      here.platform === "linux" || here.platform === "darwin"
        ? ok("platform", `this computer runs ${here.platform}`)
        : problem(
            "platform",
            `this computer runs ${here.platform}, on which no local machine can run`,
            "Use Linux, macOS, WSL 2, or a stack on AWS.",
          ),
    programs: async () => programsLook(here, architecture),
    qemu: async () => {
      if (!here.host.hasCommand(qemuProgram(architecture))) return [];
      const [missing] = await missingOfQemu(qemuProgram(architecture));
      return missing === undefined
        ? ok("qemu-features", `${qemuProgram(architecture)} has the devices and the network that a machine needs`)
        : problem(
            "qemu-features",
            `it lacks ${missing.replace(/,$/, "")}`,
            "Install your distribution's full QEMU (Debian: qemu-system-x86 or qemu-system-arm, not a minimal build).",
          );
    },
    acceleration: async () => await accelerated(here, stack),
    memory: async () => await roomLook(stack),
    state: async () =>
      writableLook(
        "state-folder",
        paths.root,
        "Give yourself the folder, or name another one: cloister:stateDirectory.",
      ),
    modes: async () => modesLook(paths.root),
    socket: async () => socketLook(paths.control),
  };
}

function nodeLook({ nodeVersion }: Here) {
  return semver.satisfies(nodeVersion, NODE)
    ? ok("node", `Node ${nodeVersion}`)
    : problem("node", `Node ${nodeVersion} is too old`, "Install Node 20.11 or newer: https://nodejs.org.");
}

/** AppArmor's restriction is for ordinary users: root's programs are not kept from anything. */
function namespacesLook({ restrictedNamespaces, host }: Here) {
  const value = existsSync(restrictedNamespaces) ? readFileSync(restrictedNamespaces, "utf8").trim() : "0";
  if (value === "0" || host.isRoot) return [];
  return note(
    "namespaces",
    `AppArmor keeps ordinary programs of this computer from user namespaces (kernel.apparmor_restrict_unprivileged_userns is ${value})`,
    "Machines run all the same. Debian's stand-in image must be built by root (sudo npm run image:base), and containers need root's podman or docker; or lift it: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0.",
  );
}

/** packages.cjs leaves the digest of the list that the packages were installed from. */
function packagesLook({ project }: Here) {
  const read = (file: string) => (existsSync(join(project, file)) ? readFileSync(join(project, file), "utf8") : "");
  const fits = read("node_modules/.cloister-lock") === sha256(read("package-lock.json"));
  return fits
    ? ok("packages", "the project's npm packages are those of package-lock.json")
    : note(
        "packages",
        "the project's npm packages are not those of package-lock.json",
        `Install them: cd ${project} && npm ci --ignore-scripts (npm start does it too).`,
      );
}

/** Programs and firmware, each kind as a cause of its own, with the commands that install what is missing. */
function programsLook({ host }: Here, arch: "amd64" | "arm64") {
  const wanted = { arch, groups: ["vm"] } as const;
  const plan = planFor(wanted, { ...host, isRoot: false });
  const remedy =
    plan.kind === "ask"
      ? [plan.hint, ...plan.commands].join(" ").replace("Run these commands, then start again:", "Run:")
      : "";
  const missing = missingOf(wanted, host);
  const kinds: readonly {
    readonly cause: string;
    readonly what: string;
    readonly is: (one: Requirement) => boolean;
  }[] = [
    { cause: "qemu", what: "QEMU", is: ({ probe }) => "command" in probe && /^qemu-/.test(probe.command) },
    { cause: "firmware", what: "UEFI firmware", is: ({ probe }) => "firmware" in probe },
    { cause: "programs", what: "the other programs that a machine needs", is: () => true },
  ];
  const taken = new Set<Requirement>();
  return kinds.map(({ cause, what, is }) => {
    const lacking = missing.filter((one) => !taken.has(one) && is(one));
    for (const one of lacking) taken.add(one);
    return lacking.length === 0
      ? ok(cause, `${what}: there`)
      : problem(cause, `missing on this computer: ${[...new Set(lacking.map(nameOf))].join(", ")}`, remedy);
  });
}

/** Memory, disk and port, judged as `pulumi up` judges them. */
async function roomLook({ settings, paths }: LocalStack): Promise<readonly Omit<Finding, "about">[]> {
  const running = livingProcess(paths) !== undefined;
  const freeDisk = freeDiskMiB(paths.root);
  const facts = {
    missing: [],
    freeMemoryMiB: availableMemoryMiB(),
    totalMemoryMiB: Math.floor(totalmem() / 2 ** 20),
    freeDiskMiB: freeDisk,
    ...(await portFacts(settings, running)),
    running,
    disksExist: existsSync(paths.rootDisk),
  };
  const found = preflight(settings, facts, paths);
  const about = (key: string) => found.find(({ path }) => path === `cloister:${key}`);
  const told = (cause: string, key: string, well: string) => {
    const one = about(key);
    if (one === undefined) return ok(cause, well);
    const [seen = "", ...rest] = one.message.split(". ");
    return problem(cause, `${one.path} = ${one.value ?? ""}: ${seen.replace(/\.$/, "")}`, rest.join(". "));
  };
  const disk = told("disk", "stateDirectory", `${freeDisk} MiB of disk are free at ${paths.root}`);
  return [
    told(
      "memory",
      "memoryMiB",
      `${facts.freeMemoryMiB} MiB of memory are available, a machine has ${settings.memoryMiB}`,
    ),
    disk.status === "ok" && freeDisk < LITTLE_MIB
      ? note(
          "disk",
          `${freeDisk} MiB of disk are free at ${paths.root}: the machine's disks grow there`,
          "Make room. When the disk is full, the machine's writes fail.",
        )
      : disk,
    told(
      "port",
      "sshPort",
      settings.sshPort === 0 ? "any free port is taken for ssh" : `port ${settings.sshPort} is free or ours`,
    ),
  ];
}

/** A file is written, since rights alone tell too little (a read-only mount, a full disk). */
function writableLook(cause: string, folder: string, remedy: string) {
  const there = nearestFolder(folder);
  try {
    if (there === folder) {
      const file = join(folder, `.doctor-${randomUUID()}`);
      writeFileSync(file, "x");
      rmSync(file);
    } else accessSync(there, constants.W_OK | constants.X_OK);
    return ok(cause, `${folder} can be written`);
  } catch (error) {
    return problem(cause, `${there} cannot be written: ${reasonOf(error)}`, remedy);
  }
}

/** QEMU's control socket, in a folder for which the system may have promised more than it keeps. */
function modesLook(folder: string) {
  const there = nearestFolder(folder);
  if (!canWrite(there)) return [];
  return keepsModes(there)
    ? ok("modes", `${there} keeps the modes of files`)
    : problem(
        "modes",
        `${there} is on a file system that keeps no modes: keys in it would be open to all, and ssh refuses them`,
        "Clone the project elsewhere (in WSL below /home, not /mnt/c), or name a folder: cloister:stateDirectory.",
      );
}

function socketLook(control: string) {
  const folder = dirname(control);
  return makeOursAlone(folder)
    ? ok("runtime-folder", `${folder} is this user's alone`)
    : problem(
        "runtime-folder",
        `QEMU's control socket has no place: ${folder} is not this user's alone, or cannot be made`,
        "Remove that folder, or set XDG_RUNTIME_DIR to a short folder of yours with mode 0700.",
      );
}

const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** An engine for containers is needed for `npm run container` alone. */
export async function engineLook(find: typeof findEngine = findEngine) {
  try {
    const { program, version } = await find();
    return ok("container-engine", `${program} ${version} answers`);
  } catch (error) {
    if (!(error instanceof NoEngine)) throw error;
    const [seen = "", ...rest] = error.message.split(". ");
    return note(
      "container-engine",
      `${seen}: ${rest[0] ?? ""}`,
      "Only npm run container needs one. Debian, Ubuntu: sudo apt-get install podman; macOS: brew install podman.",
    );
  }
}
