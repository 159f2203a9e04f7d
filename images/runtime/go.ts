import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import semver from "semver";
import { type Arch, goArch } from "./arch.ts";

const GUEST = join(import.meta.dirname, "../../guest");

/** A Go module of the guest, and which of its commands go into the image, under their own names. */
interface GoModule {
  readonly folder: string;
  readonly commands: readonly string[];
}

const MODULES: readonly GoModule[] = [
  {
    folder: join(GUEST, "seal"),
    commands: ["apply-seccomp", "confine", "dial", "guard", "keeper", "probe", "proxied", "remove-tree", "trash"],
  },
  { folder: join(GUEST, "agent/mcp"), commands: ["mcp"] },
  { folder: join(GUEST, "boot/helper"), commands: ["boot-helper"] },
];

/** The command that writes the seccomp filters. It runs on the computer that builds the image. */
const FILTERS = { folder: join(GUEST, "seal"), command: "./cmd/filters" };

/** Message for a computer without Go. */
export const GO_MISSING =
  "Go 1.24 or newer is needed to build the small static programs that run on a machine, and no such `go` is on PATH. Install it " +
  "(https://go.dev/dl; macOS: brew install go), then run the same command again.";

/** Go's version, such as `go1.24.1`, or undefined when there is no Go: as it is in the modules, which may call for a newer one. */
export async function goVersion(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const result = await execa("go", ["env", "GOVERSION"], { env, reject: false, stdin: "ignore", cwd: FILTERS.folder });
  return result.failed ? undefined : result.stdout.trim();
}

/** A reason why no Go here builds the guest's programs, with what to do; undefined: one does. */
export async function goProblem(env?: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (await hasGo(env)) return undefined;
  // In the root folder no module calls for another version than that which is installed.
  const { stdout, failed } = await execa("go", ["version"], {
    env: env ?? {},
    reject: false,
    stdin: "ignore",
    cwd: "/",
  });
  const found = failed ? undefined : /\bgo(\d[\w.]*)/.exec(stdout)?.[1];
  return found === undefined
    ? GO_MISSING
    : GO_MISSING.replace("no such `go` is on PATH", `the one on PATH is ${found}`);
}

/** True when there is a Go that builds the guest's programs (the version in their go.mod). */
export async function hasGo(env?: NodeJS.ProcessEnv): Promise<boolean> {
  return semver.gte(semver.coerce(await goVersion(env)) ?? "0.0.0", "1.24.0");
}

/** Go's arguments for some commands of a module: static, without anything of this computer in them. */
export function goArguments(outdir: string, commands: readonly string[]): string[] {
  // With a trailing slash Go takes it for a folder and makes it.
  const output = `${outdir.replace(/\/$/, "")}/`;
  const packages = commands.map((command) => `./cmd/${command}`);
  return ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", output, ...packages];
}

/** Go's environment for the target: no C, the oldest processors of the architecture. */
export function goEnvironment(arch: Arch): Record<string, string> {
  return { CGO_ENABLED: "0", GOOS: "linux", GOARCH: goArch(arch), GOAMD64: "v1", GOARM64: "v8.0", GOFLAGS: "" };
}

/**
 * Builds the guest's static programs into `bin` and its seccomp filters into `seccomp`. Go's own cache makes a second
 * build quick.
 */
export async function buildGoPrograms(bin: string, seccomp: string, arch: Arch): Promise<void> {
  const problem = await goProblem();
  if (problem !== undefined) throw new Error(problem);
  for (const { folder, commands } of MODULES) {
    await go(goArguments(bin, commands), folder, goEnvironment(arch));
  }
  await go(["run", "-buildvcs=false", FILTERS.command, "-arch", goArch(arch), "-out", seccomp], FILTERS.folder, {
    CGO_ENABLED: "0",
    GOFLAGS: "",
  });
}

/** Programs of a container's image that are several commands. */
export const LINKED: readonly {
  readonly folder: string;
  readonly program: string;
  readonly commands: readonly string[];
}[] = [
  {
    folder: join(GUEST, "seal"),
    program: "links",
    commands: ["apply-seccomp", "dial", "guard", "remove-tree", "trash"],
  },
  { folder: join(GUEST, "container/links"), program: "links-net", commands: ["mcp", "probe", "proxied"] },
];

/** Puts one program and links in the place of several commands: each of them has all of Go's own parts. */
export async function linkCommands(bin: string, arch: Arch): Promise<void> {
  for (const { folder, program, commands } of LINKED) {
    await go(goArguments(bin, [program]), folder, goEnvironment(arch));
    for (const command of commands) {
      await rm(join(bin, command));
      await symlink(program, join(bin, command));
    }
  }
}

async function go(args: string[], cwd: string, env: Record<string, string>): Promise<void> {
  const result = await execa("go", args, { cwd, env, reject: false, stdin: "ignore", all: true });
  if (result.failed)
    throw new Error(`go ${args.join(" ")} (in ${cwd}) failed:\n${result.all?.trim() || result.shortMessage}`);
}
