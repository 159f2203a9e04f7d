import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Properties, reveal, signatureKey, signatures, type Value } from "./values.ts";

/** The files below `dir` that the globs choose, in their order: `!` takes out again what an earlier one put in. */
export function chosenFiles(dir: string, globs: readonly string[]): string[] {
  const rules = globs.map((glob) => ({ exclude: glob.startsWith("!"), regexp: globToRegExp(glob.replace(/^!/, "")) }));
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dir.replace(/\/$/, "").length + 1));
  return files
    .filter((file) =>
      rules.reduce((chosen, { exclude, regexp }) => (regexp.test(file) ? !exclude : chosen), false as boolean),
    )
    .sort();
}

/** An asset per file, by its path below `dir`. */
export function assetsOf(dir: string, files: readonly string[]): Properties {
  return Object.fromEntries(
    files.map((file) => {
      const path = join(dir, file);
      return [file, { [signatureKey]: signatures.asset, path, hash: sha256(readFileSync(path)) }];
    }),
  );
}

/**
 * The engine hands old assets back without their contents, only with their hashes: gives them their files again, since
 * the engine refuses an asset that has none.
 */
export function restored(state: Properties): Properties {
  const dir = String(reveal(state["dir"] ?? process.cwd()));
  const { assets, archive } = state as { assets?: Properties; archive?: Properties };
  const fill = (name: string, asset: Value): Value => ({ path: join(dir, name), ...(asset as Properties) });
  return {
    ...state,
    ...(assets
      ? { assets: Object.fromEntries(Object.entries(assets).map(([name, asset]) => [name, fill(name, asset)])) }
      : {}),
    ...(archive && !("assets" in archive)
      ? { archive: { ...archiveOf(dir, filesOf(dir, state["archivePaths"])), ...archive } }
      : {}),
  };
}

function filesOf(dir: string, globs: Value | undefined): string[] {
  return existsSync(dir) ? chosenFiles(dir, reveal(globs ?? []) as string[]) : [];
}

/** One archive of all the files. Its hash serves to tell a change; it is not the one that the original computes. */
export function archiveOf(dir: string, files: readonly string[]): Properties {
  const assets = assetsOf(dir, files);
  return { [signatureKey]: signatures.archive, assets, hash: sha256(JSON.stringify(assets)) };
}

/**
 * The globs of gobwas/glob with separator `/`: `*` and `?` stop at a slash, `**` (also within a name) does not, `[a-z]`,
 * `[!a-z]`, `{one,other}`, and a backslash takes the next character as it is.
 */
export function globToRegExp(glob: string): RegExp {
  let depth = 0;
  const source = glob.replace(/\\(.)|\*\*|\[!?[^\]]*\]|[*?{},]|[\s\S]/g, (token, escaped?: string) => {
    if (escaped !== undefined) return quote(escaped);
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (token === "{") {
      depth++;
      return "(?:";
    }
    if (token === "}" && depth > 0) {
      depth--;
      return ")";
    }
    if (token === "," && depth > 0) return "|";
    if (token.length > 1) return token.replace(/^\[!/, "[^").replace(/\\/g, "\\\\");
    return quote(token);
  });
  if (depth > 0) throw new Error(`the glob ${JSON.stringify(glob)} has a { without }`);
  return new RegExp(`^${source}$`, "s");
}

function quote(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
