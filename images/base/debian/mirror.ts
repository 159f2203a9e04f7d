import { execa } from "execa";

/** Debian's own address, which is what the image itself is left with. */
export const DEBIAN = "http://deb.debian.org/debian";

/** Where this computer's apt gets packages. */
export interface HostApt {
  /** One line per index of its sources: origin, codename, address of the repository, separated by tabs. */
  readonly sources: string;
  /** Its proxy for HTTP, if it has one. */
  readonly proxy?: string;
}

/**
 * The mirror to build from: the one that this computer's apt uses for Debian, if it does, so that a closed network's own
 * mirror is found; else Debian's own.
 */
export function mirrorOf({ sources }: Pick<HostApt, "sources">): string {
  for (const line of sources.split("\n")) {
    const [origin, codename, address] = line.split("\t");
    if (!address) continue;
    // Security updates have a repository and a codename of their own, and mirrors often lack it. Before the first
    // `apt-get update` neither origin nor codename is known, and the address has to tell.
    const debian = origin ? origin === "Debian" && /^[a-z]+$/.test(codename ?? "") : /\/debian\/?$/.test(address);
    if (debian) return address.replace(/\/+$/, "");
  }
  return DEBIAN;
}

/** Asks apt; a computer without apt has no opinion. */
export async function readHostApt(): Promise<HostApt> {
  const options = { reject: false, stdin: "ignore" } as const;
  const [sources, proxy] = await Promise.all([
    execa(
      "apt-get",
      ["indextargets", "--format", "$(ORIGIN)\t$(CODENAME)\t$(REPO_URI)", "Created-By: Packages"],
      options,
    ),
    execa("apt-config", ["shell", "PROXY", "Acquire::http::Proxy"], options),
  ]);
  const address = /^PROXY='(.+)'$/m.exec(proxy.stdout ?? "")?.[1];
  return { sources: sources.stdout ?? "", ...(address ? { proxy: address } : {}) };
}
