import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../../contract/version.ts";
import { type Report, Store, sha256, sha256File } from "../../lib/store.ts";
import type { Arch } from "./arch.ts";
import { runtimeImageKey } from "./key.ts";
import { KIND } from "./missing.ts";
import { ensurePackages } from "./packages.ts";
import { packSquashfs, SQUASHFS_MISSING, squashfsVersion } from "./squashfs.ts";
import { layOut } from "./tree.ts";
import { type Debs, ensureDebs } from "./ubuntu/debs.ts";
import { type DebsRelease, releaseName } from "./ubuntu/releases.ts";

export type { Arch } from "./arch.ts";

const IMAGE = "runtime.squashfs";
const ABOUT = "about.json";

/** A finished runtime image. */
export interface RuntimeImage {
  /** The squashfs file. Its size is a multiple of 4096, so that it can be a disk as it is. */
  readonly path: string;
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Size of the file in bytes. */
  readonly size: number;
}

/** Options of {@link ensureRuntimeImage}. `store` is for tests. */
export interface RuntimeOptions {
  readonly arch: Arch;
  readonly report?: Report;
  readonly store?: Store;
  /**
   * Carries the packages that machines of Ubuntu install beyond their image (about 110 MB): `when-reachable`, or `required`.
   * Debian's stand-in has all of them. Default: `none`.
   */
  readonly ubuntuPackages?: "none" | "when-reachable" | "required";
  /** The release of those packages. Default: Ubuntu 22.04. */
  readonly ubuntuRelease?: DebsRelease;
}

/**
 * Finds the runtime image for this version of the guest's code, or makes it. The image is reproducible: the same
 * sources, lock file and tool versions give the same bytes.
 *
 * @throws when Go or mksquashfs are missing (the message says how to install them), when the registry fails, or when Ubuntu's
 *   packages are required and cannot be had
 */
export async function ensureRuntimeImage(options: RuntimeOptions): Promise<RuntimeImage> {
  const { arch, report = () => {}, store = new Store(), ubuntuPackages = "none", ubuntuRelease } = options;
  const debs =
    ubuntuPackages === "none" ? undefined : await ubuntuDebs(store, arch, report, ubuntuPackages, ubuntuRelease);
  const sources = runtimeImageKey({ arch });
  const key = debs ? sha256(`${sources} ${debs.digest}`) : sources;
  const { path } = await store.entry(
    KIND,
    key,
    async (dir) => {
      const started = performance.now();
      await buildRuntimeImage({ arch, report, store, output: join(dir, IMAGE), ...(debs ? { debs } : {}) });
      const about = { digest: await sha256File(join(dir, IMAGE)), size: (await stat(join(dir, IMAGE))).size };
      await writeFile(join(dir, ABOUT), JSON.stringify(about));
      report(
        `runtime image: ${Math.round(about.size / 1e6)} MB in ${Math.round((performance.now() - started) / 1000)} s`,
      );
    },
    { report },
  );
  const about = JSON.parse(await readFile(join(path, ABOUT), "utf8")) as { digest: string; size: number };
  return { path: join(path, IMAGE), ...about };
}

async function ubuntuDebs(
  store: Store,
  arch: Arch,
  report: Report,
  wanted: "when-reachable" | "required",
  release: DebsRelease = "ubuntu-22.04",
): Promise<Debs | undefined> {
  try {
    return await ensureDebs(store, arch, report, process.env, release);
  } catch (error) {
    const { message } = error as Error;
    const name = releaseName(release);
    if (wanted === "required") throw new Error(`the runtime image needs packages of ${name}: ${message}`);
    report(
      `the runtime image has no packages of ${name}: ${message}. Machines get them from their mirror at first boot`,
    );
    return undefined;
  }
}

/** Makes the image anew, whatever the store holds. */
export async function buildRuntimeImage(options: {
  arch: Arch;
  report: Report;
  store: Store;
  output: string;
  debs?: Debs;
}): Promise<void> {
  const { arch, report, store, output, debs } = options;
  if ((await squashfsVersion()) === undefined) throw new Error(SQUASHFS_MISSING);
  const packages = await ensurePackages(store, arch, report);
  // Beside the output, so that the large binaries can be linked instead of copied.
  const tree = await mkdtemp(join(store.root, ".runtime-tree-")).catch(() =>
    mkdtemp(join(tmpdir(), "cloister-runtime-")),
  );
  // A stopped run leaves none of it: it is some hundred megabytes.
  const gone = () => rmSync(tree, { recursive: true, force: true });
  process.once("exit", gone);
  try {
    await layOut({ tree, arch, version: VERSION, packages, report, ...(debs ? { debs } : {}) });
    report("packing the runtime image");
    await packSquashfs(tree, output);
  } finally {
    await rm(tree, { recursive: true, force: true });
    process.off("exit", gone);
  }
}
