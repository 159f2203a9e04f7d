import { type Arch, type Group, type Requirement, requirements } from "./requirements.ts";

/** The computer, as far as it matters here. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly arch: Arch;
  /** `ID` and `ID_LIKE` of /etc/os-release; empty where there is none. */
  readonly distributions: readonly string[];
  readonly isRoot: boolean;
  readonly hasBrew: boolean;
  readonly hasCommand: (name: string) => boolean;
  readonly hasFile: (path: string) => boolean;
  /** Whether there is UEFI firmware for machines of this architecture. */
  readonly hasFirmware: (arch: Arch) => boolean;
}

/** Requested: packages of these groups, for machines of this architecture. */
export interface Wanted {
  readonly arch: Arch;
  readonly groups: readonly Group[];
}

export type Plan =
  | { readonly kind: "complete" }
  /** We install them ourselves. */
  | { readonly kind: "install"; readonly packages: readonly string[] }
  /** The user must; `commands` are to be run as they stand. */
  | {
      readonly kind: "ask";
      readonly missing: readonly string[];
      readonly commands: readonly string[];
      readonly hint: string;
    };

/** The requirements that apply and are not met. */
export function missingOf({ arch, groups }: Wanted, host: Host): Requirement[] {
  return requirements.filter(
    (requirement) =>
      groups.includes(requirement.group) &&
      (!requirement.arch || requirement.arch === arch) &&
      (!requirement.foreign || arch !== host.arch) &&
      !isMet(requirement, host),
  );
}

/** Decides what is to be done about what is missing. */
export function planFor(wanted: Wanted, host: Host): Plan {
  const missing = missingOf(wanted, host);
  if (missing.length === 0) return { kind: "complete" };
  const names = missing.map(nameOf);
  const packages = unique(missing.map(({ debian }) => debian));
  if (host.platform === "darwin") return planForMac(missing, names, host);
  if (!host.distributions.some((id) => id === "debian" || id === "ubuntu")) {
    return {
      kind: "ask",
      missing: names,
      commands: [],
      hint: `Install them with your distribution's package manager; Debian's packages are: ${packages.join(" ")}`,
    };
  }
  if (host.isRoot) return { kind: "install", packages };
  return {
    kind: "ask",
    missing: names,
    commands: ["sudo apt-get update", `sudo apt-get install --yes --no-install-recommends ${packages.join(" ")}`],
    hint: "Run these commands, then start again:",
  };
}

function planForMac(missing: readonly Requirement[], names: readonly string[], host: Host): Plan {
  const impossible = missing.filter(({ linuxOnly }) => linuxOnly);
  if (impossible.length > 0) {
    return {
      kind: "ask",
      missing: impossible.map(nameOf),
      commands: [],
      hint: "They exist for Linux only: do this part in a Linux virtual machine.",
    };
  }
  const formulae = unique(missing.flatMap(({ brew }) => (brew ? [brew] : [])));
  const install = `brew install ${formulae.join(" ")}`;
  const hvf = host.arch === "arm64" ? " (macOS's HVF then accelerates arm64 machines)" : "";
  return {
    kind: "ask",
    missing: names,
    commands: [install],
    hint: host.hasBrew
      ? `Run this command, then start again${hvf}:`
      : `Install Homebrew (https://brew.sh), then run this command and start again${hvf}:`,
  };
}

/** A requirement's name, for use in a sentence. */
export function nameOf({ probe, debian }: Requirement): string {
  return "command" in probe ? probe.command : `the files of ${debian}`;
}

function isMet({ probe }: Requirement, host: Host): boolean {
  if ("firmware" in probe) return host.hasFirmware(probe.firmware);
  return "command" in probe ? host.hasCommand(probe.command) : probe.files.some(host.hasFile);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
