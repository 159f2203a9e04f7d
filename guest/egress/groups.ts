/**
 * Groups of hosts for `--allow`, by name. A group holds only the hosts that the tool needs to fetch packages. It names
 * no host to which a stranger may publish without an account, unless the tool fetches from and publishes to the same
 * host.
 *
 * A changed group changes what sessions can reach. Such a change needs a new version, and a line in
 * `docs/egress-groups.md`, which is made of this table.
 */
export const GROUPS_VERSION = 1;

export interface HostGroup {
  /** The purpose of the group. */
  readonly what: string;
  /** Entries as `--allow` takes them. All with a port: TLS only. */
  readonly hosts: readonly string[];
}

export const HOST_GROUPS: Readonly<Record<string, HostGroup>> = {
  npm: { what: "npm, npx, yarn and pnpm: packages of the npm registry", hosts: ["registry.npmjs.org:443"] },
  pypi: {
    what: "pip and uv: packages of the Python Package Index",
    hosts: ["pypi.org:443", "files.pythonhosted.org:443"],
  },
  crates: {
    what: "cargo: crates and their index",
    hosts: ["crates.io:443", "index.crates.io:443", "static.crates.io:443"],
  },
  go: {
    what: "go: modules by the proxy and the checksum database",
    hosts: ["proxy.golang.org:443", "sum.golang.org:443"],
  },
  github: {
    what: "git by HTTPS, archives, releases and the API of GitHub; whoever has a token can write there too",
    hosts: [
      "github.com:443",
      "api.github.com:443",
      "codeload.github.com:443",
      "raw.githubusercontent.com:443",
      "objects.githubusercontent.com:443",
      "release-assets.githubusercontent.com:443",
    ],
  },
};

export const GROUP_NAMES: readonly string[] = Object.keys(HOST_GROUPS);

/** Returns the name of the group with this host and port; undefined when there is none. */
export function groupWith(host: string, port: number): string | undefined {
  return GROUP_NAMES.find((name) => HOST_GROUPS[name]?.hosts.includes(`${host.toLowerCase()}:${port}`));
}
