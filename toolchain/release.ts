import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ChecksumError, download, downloadText } from "../lib/download.ts";
import { type Report, type Store, sha256 } from "../lib/store.ts";
import { pulumiVersion, releaseHost } from "./versions.ts";

/** A release file's name and address for a platform and processor as Node names them; undefined where there is none. */
export function releaseOf(
  platform: NodeJS.Platform,
  arch: string,
  host: string = releaseHost,
): { file: string; url: string; checksums: string } | undefined {
  if (!["linux", "darwin"].includes(platform) || !["x64", "arm64"].includes(arch)) return undefined;
  const file = `pulumi-v${pulumiVersion}-${platform}-${arch}.tar.gz`;
  const base = `${host}/releases/sdk`;
  return { file, url: `${base}/${file}`, checksums: `${base}/pulumi-${pulumiVersion}-checksums.txt` };
}

/** The published checksum of a file, from the text of a checksums file (`<sha256>  <name>` per line). */
export function checksumIn(text: string, file: string): string | undefined {
  for (const line of text.split("\n")) {
    const [sum, name] = line.trim().split(/\s+\*?/);
    if (name === file && sum && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  return undefined;
}

/** The key of the release's entry in the store. */
export function releaseKey(platform: NodeJS.Platform, arch: string): string {
  return sha256(`pulumi-release ${pulumiVersion} ${platform} ${arch}`);
}

/**
 * Downloads the official release, checks it against its published checksum and unpacks it; returns the folder with its
 * executables.
 *
 * @throws {HostUnreachableError} when the host does not answer at all
 */
export async function fetchRelease(
  store: Store,
  release: { file: string; url: string; checksums: string },
  key: string,
  report: Report,
): Promise<string> {
  const entry = await store.entry(
    "pulumi-release",
    key,
    async (folder) => {
      const text = await downloadText({ url: release.checksums, report: () => {}, retries: 1 });
      const expected = checksumIn(text, release.file);
      if (!expected) throw new ChecksumError(release.url, `(none in ${release.checksums})`, "(not fetched)");
      report(`downloading Pulumi ${pulumiVersion} from ${new URL(release.url).host}`);
      const archive = join(store.root, "downloads", release.file);
      await download({ url: release.url, to: archive, sha256: expected, report });
      await mkdir(folder, { recursive: true });
      await execa("tar", ["-xzf", archive, "-C", folder]);
      await rename(join(folder, "pulumi"), join(folder, "bin"));
      await rm(archive, { force: true });
    },
    { report },
  );
  return join(entry.path, "bin");
}
