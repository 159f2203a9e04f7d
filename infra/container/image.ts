import { ensureBase } from "../../images/container/base.ts";
import { ensureContext } from "../../images/container/context.ts";
import type { Arch } from "../../images/runtime/arch.ts";
import { type Report, Store, sha256 } from "../../lib/store.ts";
import { type Engine, engine } from "./engine.ts";

/** The base image when the caller names none. */
export const DEFAULT_BASE = "docker.io/anthropic/claude-code";

/** This word in place of a base image's name asks for a base that is made from packages of the distribution. */
export const FROM_PACKAGES = "packages";

export interface BuildRequest {
  readonly arch: Arch;
  /**
   * Name of any Debian or Ubuntu image, or {@link FROM_PACKAGES}. Default: {@link DEFAULT_BASE}, or packages when that
   * image is not available.
   */
  readonly base?: string;
  readonly revision?: string;
  /** Builds again, also when the engine has the image. */
  readonly anew?: boolean;
  readonly tag?: string;
  readonly report: Report;
  readonly store?: Store;
}

/** An image that the engine has. */
export interface BuiltImage {
  readonly name: string;
  /** The engine's digest of the image's configuration, which stands for the whole image. */
  readonly id: string;
  readonly base: string;
}

/** Finds the image for these sources and this base, or builds it. */
export async function ensureContainerImage(host: Engine, request: BuildRequest): Promise<BuiltImage> {
  const { arch, report, store = new Store(), anew = false } = request;
  const context = await ensureContext({ arch, report, store });
  const base = await provideBase(host, request, store);
  const name = request.tag ?? `localhost/cloister:${sha256(JSON.stringify([context.key, base])).slice(0, 12)}`;
  const known = anew ? undefined : await idOf(host, name);
  if (known !== undefined) return { name, id: known, base };
  report(`building the image ${name} on ${base} with ${host.program}`);
  const built = await engine(
    host,
    buildArguments(host, { ...request, name, base, version: context.version, path: context.path }),
    {
      reject: false,
      stdin: "ignore",
      all: true,
      env: { SOURCE_DATE_EPOCH: "0" },
    },
  );
  const id = built.failed ? undefined : await idOf(host, name);
  if (id === undefined) {
    const lines = String(built.all ?? "")
      .trim()
      .split("\n");
    throw new Error(`${host.program} could not build the image:\n${lines.slice(-15).join("\n")}`);
  }
  return { name, id, base };
}

/**
 * Finds an image by its name, or pulls it.
 *
 * @throws when it can be had neither way, with the engine's words
 */
export async function ensureNamedImage(host: Engine, name: string, report: Report): Promise<{ readonly id: string }> {
  const known = await idOf(host, name);
  if (known !== undefined) return { id: known };
  report(`pulling ${name}`);
  const pulled = await engine(host, ["pull", name], { reject: false, stdin: "ignore", timeout: 600_000 });
  const id = pulled.failed ? undefined : await idOf(host, name);
  if (id === undefined)
    throw new Error(`the image ${name} cannot be had: ${String(pulled.stderr).trim().split("\n").at(-1)}`);
  return { id };
}

/**
 * The engine's arguments. podman's builder gives all files and the image one time, so that the same inputs give the
 * same image.
 */
export function buildArguments(
  { program }: Pick<Engine, "program">,
  spec: { name: string; base: string; version: string; path: string; arch: Arch; revision?: string; anew?: boolean },
): string[] {
  return [
    "build",
    // Without layers no stage is left behind as an image that has no name: half a gigabyte each time.
    ...(program === "podman" ? ["--format=docker", "--timestamp=0", "--layers=false", "--force-rm"] : []),
    ...(spec.anew ? ["--no-cache"] : []),
    // Only the build uses the host's network: packages come from the place where this computer's apt gets them.
    ...["--network=host", `--platform=linux/${spec.arch}`],
    ...["--build-arg", `BASE=${spec.base}`, "--build-arg", `VERSION=${spec.version}`],
    ...["--build-arg", `REVISION=${spec.revision ?? "unknown"}`],
    ...["--tag", spec.name, spec.path],
  ];
}

async function provideBase(host: Engine, { base, arch, report }: BuildRequest, store: Store): Promise<string> {
  if (base !== undefined && base !== FROM_PACKAGES) return base;
  if (base === undefined) {
    if ((await idOf(host, DEFAULT_BASE)) !== undefined) return DEFAULT_BASE;
    report(`pulling ${DEFAULT_BASE}`);
    const pulled = await engine(host, ["pull", DEFAULT_BASE], { reject: false, stdin: "ignore", timeout: 300_000 });
    if (!pulled.failed) return DEFAULT_BASE;
    report(
      `${DEFAULT_BASE} cannot be had (${String(pulled.stderr).trim().split("\n").at(-1)}): making a base from packages`,
    );
  }
  const { tar, key } = await ensureBase(store, arch, report);
  const name = `localhost/cloister-base:${key.slice(0, 12)}`;
  if ((await idOf(host, name)) === undefined) await engine(host, ["import", tar, name], { stdin: "ignore" });
  return name;
}

async function idOf(host: Engine, name: string): Promise<string | undefined> {
  const found = await engine(host, ["image", "inspect", "--format", "{{.Id}}", name], {
    reject: false,
    stdin: "ignore",
  });
  return found.failed
    ? undefined
    : String(found.stdout)
        .trim()
        .replace(/^sha256:/, "");
}
