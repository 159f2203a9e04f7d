import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Key } from "openpgp";
import { DownloadError, download } from "../../../lib/download.ts";
import { type Report, type Store, sha256 } from "../../../lib/store.ts";
import type { Arch, BaseImage } from "../types.ts";
import { checksumOf, signingKey, verifySignature } from "./checksums.ts";
import { type Build, current, HOST, pinned, UBUNTU, type UbuntuRelease, ubuntuKey } from "./release.ts";

/** Folder of the store. */
export const UBUNTU_KIND = "base-image-ubuntu";

export interface UbuntuOptions {
  readonly arch: Arch;
  /** Default: 22.04. */
  readonly release?: UbuntuRelease;
  readonly store: Store;
  readonly report: Report;
  readonly deep?: boolean;
  /** Address of Canonical's host without a trailing `/`, and the key that it signs with. Only tests set them. */
  readonly host?: string;
  readonly key?: Key;
  /** Options of the downloads: see {@link download}. */
  readonly retries?: number;
  readonly retryDelayMs?: number;
}

/** The record that is kept beside the image. */
interface Note {
  readonly url: string;
  readonly sha256: string;
}

/**
 * Finds Ubuntu's cloud image in the store, or downloads it: first the list of checksums and its signature, then the image,
 * which is resumed where an earlier run was cut short. An image that is not what Canonical signed never gets into the store.
 */
export async function ensureUbuntuImage(options: UbuntuOptions): Promise<Omit<BaseImage, "why"> & { url: string }> {
  const { arch, store, report, deep = true, release = UBUNTU["ubuntu-22.04"] } = options;
  const entry = await store.entry(
    UBUNTU_KIND,
    ubuntuKey(arch, release),
    async (folder) => await fetchInto(folder, options),
    {
      deep,
      report,
    },
  );
  const note = JSON.parse(await readFile(join(entry.path, "source.json"), "utf8")) as Note;
  return {
    path: join(entry.path, "disk.img"),
    digest: note.sha256,
    name: release.name,
    standIn: false,
    url: note.url,
  };
}

async function fetchInto(folder: string, options: UbuntuOptions): Promise<void> {
  const { arch, report, host = HOST, release = UBUNTU["ubuntu-22.04"] } = options;
  const { serial, version } = release;
  if (serial === undefined) report(`no build of Ubuntu ${version} is pinned: taking today's`);
  try {
    await fetchBuild(pinned(arch, host, release), folder, options);
  } catch (error) {
    if (serial === undefined || !(error instanceof DownloadError && error.status === 404)) throw error;
    report(`Ubuntu's build ${serial} is no longer published: taking today's, which the next clone may find changed`);
    await fetchBuild(current(arch, host, release), folder, options);
  }
}

async function fetchBuild(build: Build, folder: string, options: UbuntuOptions): Promise<void> {
  const { arch, store, report, key, retries, retryDelayMs } = options;
  const hurry = {
    ...(retries === undefined ? {} : { retries }),
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
  };
  const fetchSmall = async (name: string): Promise<Buffer> => {
    const to = join(folder, name);
    await download({ url: build.folder + name, to, report, ...hurry });
    const content = await readFile(to);
    await rm(to);
    return content;
  };
  const list = await fetchSmall("SHA256SUMS");
  await verifySignature(
    list,
    await fetchSmall("SHA256SUMS.gpg"),
    key ?? (await signingKey()),
    `${build.folder}SHA256SUMS`,
  );
  const checksum = checksumOf(list.toString(), build.file);
  if (!checksum) throw new Error(`${build.folder}SHA256SUMS is signed by Canonical but does not list ${build.file}`);

  // Outside the folder being filled, which would be lost with what had come so far when this run is cut short.
  const url = build.folder + build.file;
  const partial = join(store.root, "downloads", `${sha256(url).slice(0, 16)}-${arch}.img`);
  await download({ url, to: partial, sha256: checksum, report, ...hurry });
  if (!(await isQcow2(partial))) {
    await rm(partial);
    throw new Error(`${url} has the signed checksum but is not a qcow2 image`);
  }
  await rename(partial, join(folder, "disk.img"));
  await writeFile(join(folder, "source.json"), JSON.stringify({ url, sha256: checksum } satisfies Note));
}

/** The format's magic number (QEMU's docs/interop/qcow2.rst). */
async function isQcow2(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.equals(Buffer.from("QFI\xfb", "latin1"));
  } finally {
    await file.close();
  }
}
