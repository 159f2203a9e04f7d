import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheRoot, sha256 } from "../lib/store.ts";
import { isOwnStack, ownStateFile, projectFolder } from "../toolchain/own-backend.ts";

type Outputs = Record<string, unknown>;

/**
 * The outputs of a stack of the project's own backend, kept until its state changes: asking Pulumi takes most of a
 * second. For a stack elsewhere we ask each time, since nothing here tells when it changes.
 *
 * @param ask asks Pulumi; it gets no values of secrets
 */
export async function keptOutputs(
  stack: string,
  ask: () => Promise<Outputs>,
  { project = projectFolder, cache = cacheRoot() }: { readonly project?: string; readonly cache?: string } = {},
): Promise<Outputs> {
  const state = stateOf(stack, project);
  if (state === undefined) return await ask();
  const file = join(cache, "outputs", `${sha256(JSON.stringify([project, stack]))}.json`);
  const kept = read(file);
  if (kept?.state === state) return kept.outputs;
  const outputs = await ask();
  // Outputs are kept only when the state did not change meanwhile; the rename keeps readers from half a file.
  if (stateOf(stack, project) === state) {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const temporary = `${file}.${process.pid}`;
      writeFileSync(temporary, JSON.stringify({ state, outputs }), { mode: 0o600 });
      renameSync(temporary, file);
    } catch {
      // A cache that cannot be written is no reason to fail.
    }
  }
  return outputs;
}

/** A digest of a stack's state; undefined for a stack elsewhere. */
function stateOf(stack: string, project: string): string | undefined {
  try {
    return isOwnStack(stack, project) ? sha256(readFileSync(ownStateFile(stack, project))) : undefined;
  } catch {
    return undefined;
  }
}

function read(file: string): { readonly state: string; readonly outputs: Outputs } | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { state: string; outputs: Outputs };
  } catch {
    return undefined;
  }
}
