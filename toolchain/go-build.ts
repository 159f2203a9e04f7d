import { access, copyFile, mkdir, readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import semver from "semver";
import { type Report, type Store, sha256 } from "../lib/store.ts";
import { pulumiVersion } from "./versions.ts";

const moduleFolder = fileURLToPath(new URL("./pulumi-cli/", import.meta.url));
const cliPackage = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";

/**
 * Modules that are compiled but as good as never run here (clients of clouds, OpenAPI, git): compiled without inlining,
 * which is quicker. The rest is compiled as usual: without inlining anywhere, each call of the CLI would take 80 ms more.
 * Together with {@link garbageCollection} the build takes 280 s of CPU time instead of 390 s.
 */
const seldomRun = [
  "cloud.google.com/...",
  "github.com/Azure/...",
  "github.com/AzureAD/...",
  "github.com/aws/...",
  "github.com/cncf/...",
  "github.com/envoyproxy/...",
  "github.com/go-git/...",
  "github.com/hashicorp/vault/...",
  "github.com/pb33f/...",
  "go.opentelemetry.io/...",
];

const buildFlags = [
  "-trimpath",
  ...seldomRun.map((pattern) => `-gcflags=${pattern}=-l`),
  "-ldflags",
  `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${pulumiVersion}`,
];

/** There is no Go compiler to build the CLI with. */
export class GoMissingError extends Error {
  override readonly name = "GoMissingError";
  constructor() {
    super(
      "Pulumi's download host cannot be reached, and to build Pulumi from its sources the Go compiler is needed, which " +
        "is neither on PATH nor in /usr/local/go/bin. Install Go 1.25 or newer (https://go.dev/doc/install), or put " +
        `an official Pulumi ${pulumiVersion} release on PATH.`,
    );
  }
}

/**
 * The compiler runs once per package and ends: to collect its garbage is wasted time as long as there is memory. One
 * compiler per processor runs at a time; together they get half of the memory.
 */
function garbageCollection(env: NodeJS.ProcessEnv): Record<string, string> {
  const limit = Math.floor(totalmem() / 2 / availableParallelism() / (1 << 20));
  if (env["GOGC"] || env["GOMEMLIMIT"] || limit < 300) return {};
  return { GOGC: "off", GOMEMLIMIT: `${Math.min(limit, 1_500)}MiB` };
}

/** The `go` to use: that on PATH, else that of Go's own installer, else undefined. */
export async function findGo(
  env: NodeJS.ProcessEnv = process.env,
  otherFolders: readonly string[] = ["/usr/local/go/bin"],
): Promise<string | undefined> {
  const folders = (env["PATH"] ?? "").split(":").filter(Boolean);
  for (const folder of [...folders, ...otherFolders]) {
    const path = join(folder, "go");
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/**
 * Asked when Go could not read the module: Go 1.21 and newer fetch the version that the module calls for, where they may. Older
 * ones call it a mistake in the module.
 */
async function tooOld(go: string, env: NodeJS.ProcessEnv): Promise<Error | undefined> {
  const wanted = /^go (\S+)$/m.exec(await readFile(join(moduleFolder, "go.mod"), "utf8"))?.[1] ?? "0";
  const { stdout = "" } = await execa(go, ["version"], { env, cwd: "/", reject: false, stdin: "ignore" });
  const found = /\bgo(\d[\w.]*)/.exec(stdout)?.[1] ?? "0";
  if (semver.gte(semver.coerce(found) ?? "0.0.0", semver.coerce(wanted) ?? "0.0.0")) return undefined;
  return new Error(
    `Pulumi is built from its sources where its download host cannot be reached, and ${go} is version ${found}, ` +
      `which is too old. Install Go ${wanted} or newer (https://go.dev/doc/install), or put an official Pulumi ${pulumiVersion} release on PATH.`,
  );
}

/** The key of the built CLI's entry in the store: the pinned modules, the way they are built, and for what. */
export async function cliKey(): Promise<string> {
  const files = await Promise.all(["go.mod", "go.sum"].map((file) => readFile(join(moduleFolder, file), "utf8")));
  return sha256(JSON.stringify([files, buildFlags, process.platform, process.arch]));
}

/** Builds the CLI from Go modules, or finds it built; returns the path of the executable. */
export async function buildCli(store: Store, report: Report, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const entry = await store.entry(
    "pulumi-cli",
    await cliKey(),
    async (folder) => {
      const go = await findGo(env);
      if (!go) throw new GoMissingError();
      const work = join(folder, "module");
      await mkdir(work);
      for (const file of ["go.mod", "go.sum"]) await copyFile(join(moduleFolder, file), join(work, file));
      const settings = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" };
      const options = { cwd: work, env: { ...env, ...garbageCollection(env), ...settings } };
      report("fetching the Go modules of Pulumi's CLI");
      const listed = await execa(go, ["list", "-deps", "-f", "{{.ImportPath}}", cliPackage], options).catch(
        async (error: unknown) => {
          throw (await tooOld(go, env)) ?? error;
        },
      );
      const total = listed.stdout.split("\n").length;
      report(`building Pulumi ${pulumiVersion} from ${total} Go packages (some minutes, once)`);
      const building = execa(go, ["build", "-v", ...buildFlags, "-o", join(folder, "pulumi"), cliPackage], {
        ...options,
        stdout: "ignore",
      });
      let done = 0;
      let said = Date.now();
      for await (const line of building.iterable({ from: "stderr" })) {
        if (/\s/.test(line)) continue;
        done++;
        if (Date.now() - said < 10_000) continue;
        said = Date.now();
        report(`building Pulumi: ${done} of at most ${total} Go packages`);
      }
      await building;
      await execa("rm", ["-rf", work]);
    },
    { report },
  );
  return join(entry.path, "pulumi");
}
