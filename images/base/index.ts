import { isReachable } from "../../lib/download.ts";
import { type Report, Store } from "../../lib/store.ts";
import { type Chosen, choose } from "./choose.ts";
import { DEBIAN_KIND, ensureDebianImage } from "./debian/image.ts";
import { debianKey } from "./debian/recipe.ts";
import { RELEASES } from "./debian/releases.ts";
import type { Arch, BaseImage, BaseImageChoice } from "./types.ts";
import { ensureUbuntuImage, UBUNTU_KIND } from "./ubuntu/image.ts";
import { HOST, isUbuntu, pinned, UBUNTU, ubuntuKey } from "./ubuntu/release.ts";

export type { Arch, BaseImage, BaseImageChoice, BaseImageName } from "./types.ts";

export interface BaseImageOptions {
  readonly arch: Arch;
  /** Default: `auto`. */
  readonly choice?: BaseImageChoice;
  /** The cache. Default: the user's store. */
  readonly store?: Store;
  /** Address of Ubuntu's host, without a trailing `/`. Only tests set it. */
  readonly host?: string;
}

/**
 * Finds or makes the disk image that machines of an architecture start from. Two runs at once make it once; what is cached
 * is checked byte by byte and made again when it is damaged.
 *
 * @param options `deep: false` compares the cached files' sizes only
 */
export async function ensureBaseImage(
  options: BaseImageOptions & { report: Report; deep?: boolean },
): Promise<BaseImage> {
  const { arch, report, store = new Store(), host, deep = true } = options;
  const chosen = await decide({ ...options, store });
  if (isUbuntu(chosen.name)) {
    const release = UBUNTU[chosen.name];
    const { url, ...image } = await ensureUbuntuImage({
      arch,
      release,
      store,
      report,
      deep,
      ...(host ? { host } : {}),
    });
    return { ...image, why: `Ubuntu ${release.version} from ${url}: ${chosen.why}` };
  }
  const release = RELEASES[chosen.name];
  const why = `Debian ${release.version} stands in for Ubuntu 22.04: ${chosen.why}`;
  report(why);
  return { ...(await ensureDebianImage({ arch, release, store, report, deep })), why };
}

/** Says, without making anything, what {@link ensureBaseImage} would do: one line per fact. */
export async function explainBaseImage(options: BaseImageOptions): Promise<string[]> {
  const { arch, store = new Store(), host = HOST } = options;
  const chosen = await decide({ ...options, store });
  const ubuntu = isUbuntu(chosen.name) ? UBUNTU[chosen.name] : undefined;
  const [kind, key] = isUbuntu(chosen.name)
    ? [UBUNTU_KIND, ubuntuKey(arch, UBUNTU[chosen.name])]
    : [DEBIAN_KIND, debianKey(arch, RELEASES[chosen.name])];
  const state = await store.check(kind, key);
  const { folder, file } = pinned(arch, host, ubuntu);
  const source = ubuntu
    ? `downloaded from ${folder}${file}, checked against the checksums that Canonical signed`
    : "built from Debian's packages by mmdebstrap";
  return [
    `Base image for ${arch}: ${chosen.name}, because ${chosen.why}.`,
    state === "intact"
      ? `It is in the cache: ${store.pathOf(kind, key)}.`
      : `It is ${state === "damaged" ? "damaged in" : "not in"} the cache and would be ${source}.`,
  ];
}

/** The image that {@link ensureBaseImage} would give. Asks the network only where the cache has neither. */
export async function chosenBaseImage(options: BaseImageOptions): Promise<Chosen["name"]> {
  return (await decide({ ...options, store: options.store ?? new Store() })).name;
}

async function decide(options: BaseImageOptions & { store: Store }): Promise<Chosen> {
  const { arch, choice = "auto", store, host = HOST } = options;
  // A damaged entry still tells which way an earlier run went; it is made again where it is used.
  const has = async (kind: string, key: string) => (await store.check(kind, key, false)) !== "absent";
  return await choose({
    choice,
    cached: {
      ubuntu: await has(UBUNTU_KIND, ubuntuKey(arch)),
      standIn: await has(DEBIAN_KIND, debianKey(arch)),
    },
    reachable: async () => await isReachable(`${host}/`),
  });
}
