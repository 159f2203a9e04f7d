import { execa } from "execa";

/** The variable that names the mirror where this computer's apt knows none. */
export const MIRROR_VARIABLE = "CLOISTER_DEBIAN_MIRROR";

/** Where this computer's apt gets packages. */
export interface HostApt {
  /** One line per index of its sources: origin, codename, address of the repository, separated by tabs. */
  readonly sources: string;
  /** Its proxy for HTTP, if it has one. */
  readonly proxy?: string;
}

/**
 * The mirror to build from: the one that {@link MIRROR_VARIABLE} names, else the one that this computer's apt uses for Debian,
 * so that a closed network's own mirror is found.
 *
 * @throws an Error that says how to name one, where neither does
 */
export function mirrorOf({ sources }: Pick<HostApt, "sources">, env: NodeJS.ProcessEnv = process.env): string {
  const named = env[MIRROR_VARIABLE];
  if (named) {
    if (/^https?:\/\/[^\s]+$/.test(named)) return named.replace(/\/+$/, "");
    throw new Error(
      `${MIRROR_VARIABLE} is ${JSON.stringify(named)}: write the address of a Debian mirror, http://HOST/debian`,
    );
  }
  for (const line of sources.split("\n")) {
    const [origin, codename, address] = line.split("\t");
    if (!address) continue;
    // Security updates have a repository and a codename of their own, and mirrors often lack it. Before the first
    // `apt-get update` neither origin nor codename is known, and the address has to tell.
    const debian = origin ? origin === "Debian" && /^[a-z]+$/.test(codename ?? "") : /\/debian\/?$/.test(address);
    if (debian) return address.replace(/\/+$/, "");
  }
  throw new Error(
    `there is no mirror to build the Debian image from: this computer's apt has no repository of Debian's. Name one that this ` +
      `computer reaches, ${MIRROR_VARIABLE}=http://HOST/debian npm start; or set cloister:baseImage to "ubuntu-22.04" where Ubuntu's image can be had.`,
  );
}

/** The repositories of which `apt-get update --print-uris` would read the index, as lines of {@link HostApt.sources}. */
export function repositoriesOf(uris: string): string {
  const found = [...uris.matchAll(/^'([^'\s]+)\/dists\/[^'\s]+\/InRelease'/gm)].map(([, address]) => `\t\t${address}`);
  return [...new Set(found)].join("\n");
}

/** Asks apt; a computer without apt has no opinion. */
export async function readHostApt(): Promise<HostApt> {
  const options = { reject: false, stdin: "ignore" } as const;
  const [sources, configured, proxy] = await Promise.all([
    execa(
      "apt-get",
      ["indextargets", "--format", "$(ORIGIN)\t$(CODENAME)\t$(REPO_URI)", "Created-By: Packages"],
      options,
    ),
    execa("apt-get", ["update", "--print-uris"], options),
    execa("apt-config", ["shell", "PROXY", "Acquire::http::Proxy"], options),
  ]);
  const address = /^PROXY='(.+)'$/m.exec(proxy.stdout ?? "")?.[1];
  // The first knows only what was read from the mirror already; the second only what is configured.
  const known = [sources.stdout ?? "", repositoriesOf(configured.stdout ?? "")]
    .filter((text) => text !== "")
    .join("\n");
  return { sources: known, ...(address ? { proxy: address } : {}) };
}
