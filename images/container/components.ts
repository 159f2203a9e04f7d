import { join } from "node:path";
import { execa } from "execa";
import type { Arch } from "../runtime/arch.ts";
import { lockedVersions, nativePackages } from "../runtime/packages.ts";

const GUEST = join(import.meta.dirname, "../../guest");

/** A component of the SBOM, as CycloneDX writes it. */
export interface Component {
  readonly type: "application" | "library";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/** What the runtime is made of: npm packages as locked (of one architecture), and modules of Go. Sorted by name. */
export async function runtimeComponents(arch: Arch): Promise<Component[]> {
  const { node, claude } = nativePackages(arch);
  const other = nativePackages(arch === "amd64" ? "arm64" : "amd64");
  const npm = Object.entries(await lockedVersions()).flatMap(([path, version]): Component[] => {
    // npm brings its own packages, below its folder.
    const name = path.split("node_modules/").at(-1) ?? path;
    // The lock file names the binaries of all architectures and C libraries.
    if (name.includes("musl") || name === other.node || name === other.claude) return [];
    if (/-(linux|darwin|win32)-/.test(name) && name !== node && name !== claude) return [];
    const type = name === node || name === claude ? "application" : "library";
    return [{ type, name, version, purl: `pkg:npm/${name.replace("@", "%40")}@${version}` }];
  });
  const go = (await Promise.all(["seal", "agent/mcp"].map(goModules))).flat();
  const unique = new Map([...npm, ...go].map((one) => [one.purl, one]));
  return [...unique.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

async function goModules(folder: string): Promise<Component[]> {
  const { stdout } = await execa("go", ["mod", "edit", "-json"], { cwd: join(GUEST, folder), stdin: "ignore" });
  const { Require } = JSON.parse(stdout) as { Require: { Path: string; Version: string }[] | null };
  return (Require ?? []).map(({ Path, Version }) => ({
    type: "library",
    name: Path,
    version: Version,
    purl: `pkg:golang/${Path}@${Version}`,
  }));
}
