import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { isAlias, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { nearest } from "../../contract/nearest.ts";
import type { PolicyProblem, PolicyRun, ReadPolicy } from "./result.ts";
import { PolicyFile, privateEntries } from "./schema.ts";

/** The largest policy file, in bytes. */
const LARGEST = 64 * 1024;

/**
 * Where relative paths of folders begin: a folder, or the reason why there is none. Sessions of a machine elsewhere see
 * that machine's folders, not those beside the file.
 */
export type Base = { readonly folder: string } | { readonly none: string };

/**
 * Reads the text of a policy file. All problems are returned at once, in the order of the file.
 *
 * @param base where relative paths begin
 */
export function readPolicy(text: string, base: Base): ReadPolicy {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // A list of one document's values: no tags of its own, no values that are named and repeated.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: "core", strict: true });
  // The parser gives up there, and complains of each level.
  const deep = document.errors.find(({ message }) => /call stack/i.test(message));
  if (deep !== undefined) {
    return {
      problems: [{ ...at(deep.pos[0]), path: "", message: "it is nested too deeply: a policy has four levels" }],
    };
  }
  const found: PolicyProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    ...at(error.pos[0]),
    path: "",
    message: error.message,
  }));
  visit(document, (_, node) => {
    if (!isNode(node)) return;
    const named = isAlias(node) || ("anchor" in node && node.anchor !== undefined);
    if (named || node.tag !== undefined) {
      const message = "anchors, aliases and tags of YAML are not taken: write the value";
      found.push({ ...at(node.range?.[0] ?? 0), path: "", message });
    }
  });
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) || !isNode(key)) return;
      found.push({ ...at(key.range?.[0] ?? 0), path: "", message: "a key is a word: put it in quotes" });
    },
  });
  if (found.length > 0) return { problems: found };
  const value: unknown = withoutEmpty(document.toJS() ?? {});
  const placeOf = (path: readonly PropertyKey[], key = false) => at(offsetOf(document.contents, path, key));
  const parsed = PolicyFile.safeParse(value);
  for (const issue of parsed.error?.issues ?? []) {
    for (const { path, message, key } of explain(issue, value)) {
      found.push({ ...placeOf(path, key), path: path.map(String).join("."), message });
    }
  }
  if ("none" in base) {
    for (const [name, path] of relativeFolders(value)) {
      const where = ["folders", name, "path"];
      found.push({
        ...placeOf(where),
        path: where.join("."),
        message: `${JSON.stringify(path)} is relative; ${base.none}`,
      });
    }
  }
  if (found.length > 0 || !parsed.success) {
    return { problems: found.sort((a, b) => a.line - b.line || a.column - b.column) };
  }
  return { run: runOf(parsed.data, base), problems: [] };
}

/**
 * Reads a policy file.
 *
 * @param base where relative paths begin. Default: the file's own folder
 * @returns problems of a file that cannot be read, too
 */
export async function readPolicyFile(path: string, base?: Base): Promise<ReadPolicy> {
  const wrong = (message: string): ReadPolicy => ({ problems: [{ line: 1, column: 1, path: "", message }] });
  // A FIFO would make the opening wait.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => error,
  );
  if (file instanceof Error)
    return wrong(file.code === "ENOENT" ? "there is no such file" : `it cannot be read (${file.code})`);
  try {
    const info = await file.stat();
    if (!info.isFile()) return wrong("not a file");
    if (info.size > LARGEST) return wrong(`it has ${info.size} bytes; a policy has at most ${LARGEST}`);
    return readPolicy(await file.readFile("utf8"), base ?? { folder: dirname(resolve(path)) });
  } finally {
    await file.close();
  }
}

/** A section without a value, such as a list whose entries are all commented out, is as one that is left out. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== "object" || Array.isArray(value) || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}

interface Explained {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** True when the key itself is wrong. */
  readonly key?: boolean;
}

function explain(issue: z.core.$ZodIssue, value: unknown, before: readonly PropertyKey[] = []): Explained[] {
  const path = [...before, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(path);
    return issue.keys.map((key) => {
      const close = nearest(key, known);
      const hint = close === undefined ? `keys here are ${known.join(", ")}` : `did you mean ${close}?`;
      return { path: [...path, key], message: `unknown key; ${hint}`, key: true };
    });
  }
  const there = path.reduce<unknown>((one, part) => (one as Record<PropertyKey, unknown> | undefined)?.[part], value);
  if (issue.code === "invalid_key") {
    const record = PolicyFile.shape[path[0] as "folders" | "environment"].unwrap();
    return [
      ...issue.issues.map(({ message }) => ({ path, message, key: true })),
      // zod has not looked at the value of such a key.
      ...(record.valueType.safeParse(there).error?.issues ?? []).flatMap((one) => explain(one, value, path)),
    ];
  }
  if (issue.code === "invalid_union") {
    // The alternative that was meant is the one of the right type.
    const meant = issue.errors.find(
      (errors) => !errors.some((one) => one.code === "invalid_type" && one.path.length === 0),
    );
    if (meant !== undefined) return meant.flatMap((one) => explain(one, value, path));
  }
  return [{ path, message: there === undefined ? `missing: ${issue.message}` : issue.message }];
}

/** The keys that the format has at a path. */
function keysAt(path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(PolicyFile.shape);
  if (path[0] === "hosts") return ["host", "private"];
  if (path[0] === "folders") return ["path", "mode"];
  const shape = { limits: PolicyFile.shape.limits, model: PolicyFile.shape.model };
  return Object.keys(shape[path[0] as keyof typeof shape].unwrap().shape);
}

/** The offset of a value, of its key, or of what is nearest above a value that is missing. */
function offsetOf(root: Node | null, path: readonly PropertyKey[], key: boolean): number {
  let node: Node | null | undefined = root;
  let offset = root?.range?.[0] ?? 0;
  for (const [i, part] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((one) => String((one.key as { value?: unknown } | null)?.value) === String(part));
      if (pair === undefined) return offset;
      const name = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
      // An empty value has no place of its own.
      const empty = node === null || node.range?.[0] === node.range?.[1];
      offset = (key && i === path.length - 1) || empty ? name : (node?.range?.[0] ?? name);
    } else {
      node = (node as { get?: (key: unknown, keep: true) => Node | undefined } | null)?.get?.(part, true);
      if (node === undefined || node === null) return offset;
      offset = node.range?.[0] ?? offset;
    }
  }
  return offset;
}

/** Folders whose path is relative; of a file that may have other problems. */
function relativeFolders(value: unknown): [string, string][] {
  const { folders } = value as { folders?: unknown };
  if (typeof folders !== "object" || folders === null) return [];
  return Object.entries(folders).flatMap(([name, folder]): [string, string][] => {
    const path = (folder as { path?: unknown } | null)?.path;
    return typeof path === "string" && path !== "" && !path.startsWith("~") && !isAbsolute(path) ? [[name, path]] : [];
  });
}

function runOf(policy: PolicyFile, base: Base): PolicyRun {
  const { hosts, folders, limits, environment, model } = policy;
  const from = "folder" in base ? base.folder : "/";
  const number = <K extends string>(key: K, value: number | undefined) =>
    (value === undefined ? {} : { [key]: String(value) }) as { [key in K]?: string };
  return {
    allow: hosts.map((one) => (typeof one === "string" ? one : one.host)),
    allowPrivate: hosts.flatMap((one) => (typeof one === "string" ? [] : privateEntries(one))),
    mount: Object.entries(folders).map(([name, { path, mode }]) => `${resolve(from, path)}:${name}:${mode}`),
    env: Object.entries(environment).map(([name, value]) => (value === null ? name : `${name}=${value}`)),
    ...number("timeout", limits.seconds),
    ...number("memory", limits.memoryMiB),
    ...number("tasks", limits.tasks),
    ...number("tmp", limits.tmpMiB),
    ...(model.use ? { agent: true } : {}),
    ...(model.name === undefined ? {} : { model: model.name }),
  };
}
