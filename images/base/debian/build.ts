import { join } from "node:path";
import { execa } from "execa";
import { proxyEnvironment } from "../../../lib/proxy.ts";
import type { Report } from "../../../lib/store.ts";
import type { Arch } from "../types.ts";
import { mirrorOf, readHostApt } from "./mirror.ts";
import { EFI_ARCH, IDENTIFIERS, kernelCommandLine, LAYOUT, packages } from "./recipe.ts";
import { BOOT_SUITE, RELEASES, type Release } from "./releases.ts";

/**
 * Builds the raw disk, and beside it `vmlinuz` and `packages.txt`, in a folder. Needs no root, but then user namespaces and
 * subordinate ids. Whatever ends this process ends the build: nothing stays mounted, nothing goes on running.
 *
 * @throws an Error with the last lines of the build's output
 */
export async function buildDisk(options: {
  arch: Arch;
  folder: string;
  report: Report;
  /** Default: Debian 13. */
  release?: Release;
}): Promise<void> {
  const { arch, folder, report, release } = options;
  const apt = await readHostApt();
  const mirror = mirrorOf(apt);
  report(`Debian packages come from ${mirror}`);
  const [command, ...rest] = isolated(["sh", join(import.meta.dirname, "build.sh")], process.getuid?.() === 0);
  const subprocess = execa(command as string, rest, {
    env: {
      ...buildEnvironment(arch, folder, mirror, release),
      ...proxyEnvironment(),
      ...(apt.proxy ? { http_proxy: apt.proxy } : {}),
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    buffer: false,
    reject: false,
  });
  const lines: string[] = [];
  for await (const line of subprocess.iterable({ from: "stderr" })) {
    lines.push(line);
    if (lines.length > 40) lines.shift();
    const said = progressOf(line);
    if (said) report(said);
  }
  const result = await subprocess;
  if (result.failed) {
    throw new Error(
      `The Debian image could not be built (${result.shortMessage}). Its last lines:\n${lines.join("\n")}`,
    );
  }
}

/**
 * Wraps a command so that it is killed with everything it started when this process ends, however that happens, and so that
 * what it mounts is seen by nobody else and vanishes with it. Without root it becomes the root of a user namespace.
 */
export function isolated(command: readonly string[], root: boolean): string[] {
  return [
    ...["setpriv", "--pdeathsig", "KILL", "--"],
    ...["unshare", ...(root ? [] : ["--user", "--map-root-user", "--map-auto"])],
    ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"],
    ...command,
  ];
}

/** What build.sh is told. */
export function buildEnvironment(
  arch: Arch,
  folder: string,
  mirror: string,
  release: Release = RELEASES["debian-13-stand-in"],
): Record<string, string> {
  return {
    ARCH: arch,
    SUITE: release.suite,
    KERNEL_SUITE: release.kernelSuite,
    BOOT_SUITE,
    BUBBLEWRAP_SUITE: release.bubblewrapSuite ?? release.suite,
    MIRROR: mirror,
    PACKAGES: packages(arch, release).join(","),
    SOURCE: import.meta.dirname,
    OUT: folder,
    DISK_MIB: String(LAYOUT.diskMiB),
    ESP_MIB: String(LAYOUT.espMiB),
    ROOT_TYPE: IDENTIFIERS.rootType[arch],
    ROOT_PARTUUID: IDENTIFIERS.root,
    ESP_PARTUUID: IDENTIFIERS.esp,
    ESP_TYPE: IDENTIFIERS.espType,
    DISK_UUID: IDENTIFIERS.disk,
    CMDLINE: kernelCommandLine(arch),
    EFI_ARCH: EFI_ARCH[arch],
    // Package scripts must not depend on who builds, or where.
    LC_ALL: "C.UTF-8",
    DEBIAN_FRONTEND: "noninteractive",
    // The kernel's package makes no initrd, which the image would not use.
    INITRD: "No",
  };
}

/** The user's line for a line of the build's output, or undefined for one that is only of use when it fails. */
export function progressOf(line: string): string | undefined {
  const stage = /^(?:::|I: )(.*)$/.exec(line)?.[1];
  if (!stage || /^(running|success|automatically|chroot architecture|finding|waiting|main\(\))/.test(stage))
    return undefined;
  return `Debian image: ${stage.replace(/\.\.\.$/, "")}`;
}
