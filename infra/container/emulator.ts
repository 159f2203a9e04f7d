import { access, constants, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { archOfThisComputer } from "../../images/container/arch.ts";
import type { Arch } from "../../images/runtime/arch.ts";
import type { Report } from "../../lib/store.ts";

/** Where Linux lists the programs that run files of other formats (binfmt_misc), and where packages describe theirs (binfmt.d(5)). */
const PLACES = { registered: "/proc/sys/fs/binfmt_misc", described: "/usr/lib/binfmt.d", path: process.env["PATH"] };

/** Debian's packages: the emulator, and what registers it. mmdebstrap, which makes a base of packages, asks arch-test if it is there. */
const INSTALL = "apt-get install qemu-user-static binfmt-support";
const ASKS = "arch-test";

/** QEMU's name of an architecture, and its number in the head of a program (elf(5), e_machine). */
const KINDS: Readonly<Record<Arch, { readonly qemu: string; readonly machine: number }>> = {
  amd64: { qemu: "x86_64", machine: 62 },
  arm64: { qemu: "aarch64", machine: 183 },
};

/**
 * Sees to it that programs of an architecture run in containers of this computer. For a foreign one the kernel must know an emulator, and
 * have opened it when it was registered (flag F), because a container has none. As root it registers the one that is installed.
 *
 * @param packages false where no base can be made from packages
 * @throws an Error with the packages that are missing
 */
export async function ensureRunnable(
  arch: Arch,
  report: Report,
  {
    own = archOfThisComputer(),
    places = PLACES,
    packages = true,
  }: { own?: Arch; places?: typeof PLACES; packages?: boolean } = {},
): Promise<void> {
  // Elsewhere the engine's virtual machine has emulators of its own.
  if (arch === own || process.platform !== "linux") return;
  const lacking = !packages || (await onPath(ASKS, places.path)) ? [] : [`${ASKS} is not on PATH`];
  const found = emulatorsOf(arch, await entriesIn(places.registered));
  if (!found.some(({ fixed }) => fixed)) {
    const wrong = found[0] === undefined ? await register(arch, places, report) : `${found[0].name} lacks the flag F`;
    if (wrong !== undefined) lacking.unshift(wrong);
  }
  if (lacking.length === 0) return;
  const kind = `qemu-${KINDS[arch].qemu}`;
  throw new Error(
    `programs for ${arch} cannot run in containers here: ${lacking.join("; ")}. As root: ${INSTALL}${packages ? ` ${ASKS}` : ""}, and then: ` +
      `mount -t binfmt_misc binfmt_misc ${places.registered} (where it is empty), update-binfmts --disable ${kind}, update-binfmts --enable ${kind}`,
  );
}

/** An emulator that the kernel knows. */
interface Emulator {
  readonly name: string;
  /** The kernel has it open already, so that it is there in containers too. */
  readonly fixed: boolean;
}

/** Those of the kernel's entries that run programs of an architecture. A pure function. */
export function emulatorsOf(arch: Arch, entries: Readonly<Record<string, string>>): Emulator[] {
  const head = headOf(arch);
  return Object.entries(entries).flatMap(([name, text]) => {
    const of = (key: string) => new RegExp(`^${key}:? (\\S+)$`, "m").exec(text)?.[1];
    const [magic, mask] = [of("magic"), of("mask")].map((hex) => Buffer.from(hex ?? "", "hex")) as [Buffer, Buffer];
    const offset = Number(of("offset") ?? 0);
    const takes = [...magic].every((byte, i) => {
      const kept = mask.length === 0 ? 0xff : (mask[i] ?? 0xff);
      return ((head[offset + i] ?? -1) & kept) === (byte & kept);
    });
    const enabled = text.startsWith("enabled\n") && magic.length > 0;
    return enabled && takes ? [{ name, fixed: (of("flags") ?? "").includes("F") }] : [];
  });
}

/** The first bytes of a 64-bit program. */
function headOf(arch: Arch): Buffer {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01\x01", "latin1");
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(KINDS[arch].machine, 18);
  return head;
}

async function entriesIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name !== "register" && name !== "status");
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const)),
  );
}

/** @returns why it could not be registered */
async function register(arch: Arch, { registered, described }: typeof PLACES, report: Report) {
  const name = `qemu-${KINDS[arch].qemu}`;
  const text = await readFile(join(described, `${name}.conf`), "utf8").catch(() => undefined);
  const line = text?.split("\n").find((each) => each.startsWith(":"));
  if (line === undefined) return `${name} is not installed`;
  try {
    if (!(await readdir(registered).catch(() => [] as string[])).includes("register"))
      await execa("mount", ["-t", "binfmt_misc", "binfmt_misc", registered], { stdin: "ignore" });
    await writeFile(join(registered, "register"), line);
  } catch {
    return `the kernel does not know ${name}`;
  }
  if (!emulatorsOf(arch, await entriesIn(registered)).some(({ fixed }) => fixed)) return `${name} lacks the flag F`;
  report(`${name} is registered with the kernel until the next boot: it runs programs for ${arch}`);
  return undefined;
}

async function onPath(name: string, path = ""): Promise<boolean> {
  const tried = path.split(":").map((folder) => access(join(folder, name), constants.X_OK));
  return (await Promise.allSettled(tried)).some(({ status }) => status === "fulfilled");
}
