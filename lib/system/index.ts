import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Report } from "../store.ts";
import { installPackages } from "./apt.ts";
import { findFirmware } from "./firmware.ts";
import type { Arch, Group } from "./requirements.ts";
import { type Host, planFor } from "./select.ts";

export type { Arch, Group } from "./requirements.ts";
export { groups as allGroups } from "./requirements.ts";

/** Something is missing that only the user can install; the message says what, and with which command. */
export class SystemPackagesError extends Error {
  override readonly name = "SystemPackagesError";
  /** To be run as they stand; empty where there is no such command. */
  readonly commands: readonly string[];
  constructor(missing: readonly string[], hint: string, commands: readonly string[]) {
    super(
      `missing on this computer: ${missing.join(", ")}. ${hint}${commands.map((command) => `\n  ${command}`).join("")}`,
    );
    this.commands = commands;
  }
}

export interface SystemPackagesOptions {
  /** Architecture of the machines that are to run here. */
  readonly arch: Arch;
  /** Default: `vm` and `runtime-image`. */
  readonly groups?: readonly Group[];
  readonly report: Report;
  /** Default: this computer. */
  readonly host?: Host;
  /** Default: apt-get. */
  readonly install?: (packages: readonly string[], report: Report) => Promise<void>;
}

/**
 * Sees to it that the commands and files are there which the groups need: looks for each (a few milliseconds), and
 * installs what is missing where it may, as root on Debian or Ubuntu.
 *
 * @throws {SystemPackagesError} when the user must install something, with the exact command
 */
export async function ensureSystemPackages(options: SystemPackagesOptions): Promise<void> {
  const { arch, groups = ["vm", "runtime-image"], report, install = installPackages } = options;
  const host = options.host ?? thisHost();
  const plan = planFor({ arch, groups }, host);
  if (plan.kind === "complete") return;
  if (plan.kind === "ask") throw new SystemPackagesError(plan.missing, plan.hint, plan.commands);
  await install(plan.packages, report);
  const after = planFor({ arch, groups }, options.host ?? thisHost());
  if (after.kind === "complete") return;
  const still = after.kind === "install" ? after.packages : after.missing;
  throw new SystemPackagesError(still, "They were installed, yet what was expected of them is not there.", []);
}

/** This computer. */
export function thisHost(env: NodeJS.ProcessEnv = process.env): Host {
  // Tools of file systems and partitions are not on an ordinary user's PATH.
  const folders = [...(env["PATH"] ?? "").split(delimiter).filter(Boolean), "/usr/sbin", "/sbin"];
  const hasCommand = (name: string): boolean => folders.some((folder) => isExecutable(join(folder, name)));
  return {
    platform: process.platform,
    arch: process.arch === "arm64" ? "arm64" : "amd64",
    distributions: distributionsIn(readIfThere("/etc/os-release")),
    isRoot: process.getuid?.() === 0,
    hasBrew: hasCommand("brew"),
    hasCommand,
    hasFile: existsSync,
    hasFirmware: (arch) => findFirmware(arch) !== undefined,
  };
}

/** `ID` and `ID_LIKE` of a file like /etc/os-release (os-release(5)). */
export function distributionsIn(text: string): string[] {
  return [...text.matchAll(/^ID(?:_LIKE)?=["']?([^"'\n]*)["']?$/gm)].flatMap(([, ids]) => (ids ?? "").split(/\s+/));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
