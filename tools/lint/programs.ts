/** Gets the linters that are not npm packages: pinned, from PyPI and Go's modules, kept in the user's cache. */
import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type Report, Store, sha256 } from "../../lib/store.ts";
import { findGo } from "../../toolchain/go-build.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
const STATICCHECK = join(import.meta.dirname, "staticcheck");
const ACTIONLINT = join(import.meta.dirname, "actionlint");

/** The linters from PyPI, as commands to begin with. */
export interface PythonLinters {
  readonly ruff: readonly string[];
  readonly shellcheck: readonly string[];
  readonly shfmt: readonly string[];
  readonly yamllint: readonly string[];
  readonly zizmor: readonly string[];
  /** To be set for all of them. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Installs what `requirements.txt` pins, once, and checks every wheel's digest.
 *
 * @throws Error where there is no Python 3.10 with pip, or a package cannot be had
 */
export async function pythonLinters(report: Report): Promise<PythonLinters> {
  const asked = ["-c", "import sys, pip; print(sys.version_info[:2] >= (3, 10), sys.version_info[:2], sys.platform)"];
  const { stdout: python, failed } = await execa("python3", asked, { reject: false });
  if (failed || !python.startsWith("True"))
    throw new Error("shell, Python and YAML are linted by programs from PyPI: install Python 3.10 or newer, with pip.");
  const key = sha256(JSON.stringify([await readFile(REQUIREMENTS, "utf8"), python, process.arch]));
  const { path } = await new Store().entry(
    "lint-python",
    key,
    async (folder) => {
      report("installing shellcheck, shfmt, ruff, yamllint and zizmor from PyPI (once)");
      const flags = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
      ];
      const args = ["-m", "pip", "install", ...flags, "--target", folder, "--requirement", REQUIREMENTS];
      await execa("python3", args, { env: { PIP_ROOT_USER_ACTION: "ignore" } });
    },
    { deep: false, report },
  );
  const program = (name: string): string[] => [join(path, "bin", name)];
  return {
    ruff: program("ruff"),
    shellcheck: program("shellcheck"),
    shfmt: program("shfmt"),
    yamllint: ["python3", "-m", "yamllint"],
    zizmor: program("zizmor"),
    // An entry of the cache may not change, so nothing is compiled into it.
    env: { PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1", RUFF_CACHE_DIR: await cacheFolder("ruff") },
  };
}

/** Go's own programs, and staticcheck. */
export interface GoLinters {
  readonly go: string;
  readonly gofmt: string;
  readonly staticcheck: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Builds the staticcheck that `staticcheck/go.mod` pins, once for each version of Go: a build with an older Go cannot read
 * what a newer one compiled.
 *
 * @throws Error where there is no Go, or a module cannot be had
 */
export async function goLinters(report: Report): Promise<GoLinters> {
  const go = await findGo();
  if (!go) throw new Error("Go is linted by Go's own programs: install Go 1.24 or newer (https://go.dev/doc/install).");
  const { stdout: version } = await execa(go, ["env", "GOVERSION", "GOROOT"], { cwd: STATICCHECK });
  const [goVersion = "", root = ""] = version.split("\n");
  const pins = await Promise.all(["go.mod", "go.sum"].map((file) => readFile(join(STATICCHECK, file), "utf8")));
  const { path } = await new Store().entry(
    "lint-staticcheck",
    sha256(JSON.stringify([pins, goVersion, process.platform, process.arch])),
    async (folder) => {
      report("building staticcheck (a minute, once)");
      const args = ["build", "-trimpath", "-o", join(folder, "staticcheck"), "honnef.co/go/tools/cmd/staticcheck"];
      await execa(go, args, { cwd: STATICCHECK });
    },
    { deep: false, report },
  );
  const beside = join(root, "bin", "gofmt");
  const gofmt = await access(beside).then(
    () => beside,
    () => "gofmt",
  );
  // The guest's programs are for Linux, wherever they are linted.
  const env = { GOOS: "linux", STATICCHECK_CACHE: await cacheFolder("staticcheck") };
  return { go, gofmt, staticcheck: join(path, "staticcheck"), env };
}

/**
 * Builds the actionlint that `actionlint/go.mod` pins, once.
 *
 * @returns its path
 * @throws Error where there is no Go, or a module cannot be had
 */
export async function actionlint(report: Report): Promise<string> {
  const go = await findGo();
  if (!go)
    throw new Error("Workflows are linted by a Go program: install Go 1.24 or newer (https://go.dev/doc/install).");
  const pins = await Promise.all(["go.mod", "go.sum"].map((file) => readFile(join(ACTIONLINT, file), "utf8")));
  const { path } = await new Store().entry(
    "lint-actionlint",
    sha256(JSON.stringify([pins, process.platform, process.arch])),
    async (folder) => {
      report("building actionlint (once)");
      const args = [
        "build",
        "-trimpath",
        "-o",
        join(folder, "actionlint"),
        "github.com/rhysd/actionlint/cmd/actionlint",
      ];
      await execa(go, args, { cwd: ACTIONLINT });
    },
    { deep: false, report },
  );
  return join(path, "actionlint");
}

/** A folder for a linter's own cache. */
async function cacheFolder(linter: string): Promise<string> {
  const folder = join(new Store().root, "lint-results", linter);
  await mkdir(folder, { recursive: true });
  return folder;
}
