import { join } from "node:path";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { ensureBase } from "../../images/container/base.ts";
import { type Context, ensureContext } from "../../images/container/context.ts";
import type { Arch } from "../../images/runtime/arch.ts";
import { type Report, Store, sha256 } from "../../lib/store.ts";
import { buildImage, clearKilled } from "./build.ts";
import { ensureRunnable } from "./emulator.ts";
import { type Engine, engine, takeDown } from "./engine.ts";

/** The base image when the caller names none. */
export const DEFAULT_BASE = "docker.io/anthropic/claude-code";

/** This word in place of a base image's name asks for a base that is made from packages of the distribution. */
export const FROM_PACKAGES = "packages";

export interface BuildRequest {
  /** Where it is not this computer's, the build's programs are emulated. */
  readonly arch: Arch;
  /**
   * Name of any Debian or Ubuntu image, or {@link FROM_PACKAGES}. Default: {@link DEFAULT_BASE}, or packages when that
   * image is not available.
   */
  readonly base?: string;
  readonly revision?: string;
  /** Builds again, also when the engine has the image. */
  readonly anew?: boolean;
  /** Another name for the image. An older image loses it. */
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

/** The store's folder for images, and the name of the lock that builds take. */
const IMAGES = "container-image";
const BUILDS = "builds";

const QUIET = { reject: false, stdin: "ignore" } as const;

/** Finds the image for these sources and this base, or builds it. It has a name of its own, beside the one that was asked for. */
export async function ensureContainerImage(host: Engine, request: BuildRequest): Promise<BuiltImage> {
  const { arch, report, tag, store = new Store(), anew = false } = request;
  const { base: wanted = FROM_PACKAGES } = request;
  await ensureRunnable(arch, report, { packages: wanted === FROM_PACKAGES });
  const context = await ensureContext({ arch, report, store });
  const base = await provideBase(host, request, store);
  const own = `localhost/cloister:${sha256(JSON.stringify([context.key, base])).slice(0, 12)}`;
  const found = anew ? undefined : await idOf(host, own);
  // One build at a time: of two, one would take the other's name away, and what a build leaves could be another's.
  const id =
    found ??
    (await store.locked(IMAGES, BUILDS, report, async () => {
      const work = join(store.root, IMAGES, "work");
      // Also where a build was killed after its image had got its name.
      await clearKilled(host, work);
      const before = await idOf(host, own);
      if (before !== undefined && !anew) return before;
      const made = await build(host, { ...request, name: own, base, context, work });
      if (before !== undefined && before !== made) await removeNameless(host, before);
      return made;
    }));
  // The name goes over to this image: the one of older sources keeps its own.
  if (tag !== undefined) await engine(host, ["tag", own, tag], { stdin: "ignore" });
  return { name: tag ?? own, id, base };
}

async function build(
  host: Engine,
  request: BuildRequest & { name: string; base: string; context: Context; work: string },
): Promise<string> {
  const { name, base, report } = request;
  report(`building the image ${name} on ${base} with ${host.program}`);
  const said = await buildImage(host, request);
  const id = said === undefined ? await idOf(host, name) : undefined;
  if (id !== undefined) return id;
  const lines = (said ?? "").trim().split("\n");
  throw new Error(`${host.program} could not build the image:\n${lines.slice(-15).join("\n")}`);
}

/** Removes an image whose name another has got. One that a container was made from stays. */
async function removeNameless(host: Engine, id: string): Promise<void> {
  const names = await engine(host, ["image", "inspect", "--format", "{{len .RepoTags}}", id], QUIET);
  if (!names.failed && String(names.stdout).trim() === "0") await takeDown(host, ["rmi", id]);
}

/**
 * Finds an image by its name, or pulls it.
 *
 * @throws when it can be had neither way, with the engine's words
 */
export async function ensureNamedImage(
  host: Engine,
  name: string,
  report: Report,
): Promise<{ readonly id: string; readonly arch: string }> {
  const known = await inspect(host, name);
  if (known !== undefined) return known;
  report(`pulling ${name}`);
  const pulled = await engine(host, ["pull", name], { reject: false, stdin: "ignore", timeout: 600_000 });
  const found = pulled.failed ? undefined : await inspect(host, name);
  if (found === undefined)
    throw new Error(`the image ${name} cannot be had: ${String(pulled.stderr).trim().split("\n").at(-1)}`);
  return found;
}

async function provideBase(host: Engine, { base, arch, report }: BuildRequest, store: Store): Promise<string> {
  if (base !== undefined && base !== FROM_PACKAGES) return base;
  if (base === undefined) {
    const found = await defaultBase(host, arch, report);
    if ("name" in found) return found.name;
    report(`${DEFAULT_BASE} cannot be had (${found.why}): making a base from packages`);
  }
  const { tar, key } = await ensureBase(store, arch, report);
  const name = `localhost/cloister-base:${key.slice(0, 12)}`;
  await store.locked(IMAGES, BUILDS, report, async () => {
    if ((await idOf(host, name)) === undefined)
      await engine(host, importWords(host, arch, [tar, name]), { stdin: "ignore" });
  });
  return name;
}

/**
 * Finds {@link DEFAULT_BASE}, or pulls it. An engine has one image of that name: one of another architecture gets a name of its own, so
 * that this computer's builds find theirs, without a network too.
 *
 * @returns the image's name, or why it cannot be had
 */
export async function defaultBase(
  host: Engine,
  arch: Arch,
  report: Report,
  own = archOfThisComputer(),
): Promise<{ readonly name: string } | { readonly why: string }> {
  const name = arch === own ? DEFAULT_BASE : `localhost/cloister-default-base:${arch}`;
  for (const known of [name, DEFAULT_BASE]) if ((await idOf(host, known, arch)) !== undefined) return { name: known };
  const before = await idOf(host, DEFAULT_BASE);
  report(`pulling ${DEFAULT_BASE}`);
  const words = ["pull", `--platform=linux/${arch}`, DEFAULT_BASE];
  const pulled = await engine(host, words, { reject: false, stdin: "ignore", timeout: 300_000 });
  if (pulled.failed) return { why: String(pulled.stderr).trim().split("\n").at(-1) ?? "" };
  if (name !== DEFAULT_BASE) {
    await engine(host, ["tag", DEFAULT_BASE, name], { stdin: "ignore" });
    // The image itself has another name by now.
    const back = before === undefined ? ["rmi", DEFAULT_BASE] : ["tag", before, DEFAULT_BASE];
    await engine(host, back, { stdin: "ignore" });
  }
  return { name };
}

/** The engine's arguments that make an image of an archive. Each engine has an option of its own for another architecture. */
export function importWords(
  { program }: Pick<Engine, "program">,
  arch: Arch,
  [tar, name]: readonly [tar: string, name: string],
  own = archOfThisComputer(),
): string[] {
  const foreign = program === "podman" ? `--arch=${arch}` : `--platform=linux/${arch}`;
  return ["import", ...(arch === own ? [] : [foreign]), tar, name];
}

/** @param arch an image of another architecture is none */
async function idOf(host: Engine, name: string, arch?: Arch): Promise<string | undefined> {
  const found = await inspect(host, name);
  return arch === undefined || found?.arch === arch ? found?.id : undefined;
}

async function inspect(host: Engine, name: string): Promise<{ id: string; arch: string } | undefined> {
  const found = await engine(host, ["image", "inspect", "--format", "{{.Architecture}} {{.Id}}", name], QUIET);
  if (found.failed) return undefined;
  const [arch = "", id = ""] = String(found.stdout).trim().split(" ");
  return { id: id.replace(/^sha256:/, ""), arch };
}
