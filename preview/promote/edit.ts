/** Edits of a stack's file that leave every other character as it is: comments, order and notation. */
import { isCollection, isMap, isNode, isScalar, type Pair, parseDocument, stringify, type YAMLMap } from "yaml";

/** A path in the file, such as `["config", "cloister:pools", "workers", "max"]`. */
export type Path = readonly (string | number)[];

/**
 * Takes the value at a path from one text into another. Where the first has none, the second loses its own.
 *
 * @throws Error when the place cannot be edited: an alias, or a value where a map is needed
 */
export function moved(from: string, to: string, path: Path): string {
  const value = isAt(from, path) ? { js: valueAt(from, path), source: sourceAt(from, path) } : undefined;
  return value === undefined ? without(to, path) : withValue(from, to, path, value);
}

interface Value {
  readonly js: unknown;
  /** The value as it is written, where it is written in one line. */
  readonly source: string | undefined;
}

const isAt = (text: string, path: Path): boolean => parseDocument(text).hasIn(path);

/** The value at a path; undefined when there is none. */
export function valueAt(text: string, path: Path): unknown {
  const node = parseDocument(text).getIn(path, true);
  return isNode(node) ? node.toJS(parseDocument(text)) : node;
}

function sourceAt(text: string, path: Path): string | undefined {
  const node = parseDocument(text).getIn(path, true);
  if (!isNode(node) || !node.range || !(isScalar(node) || isCollection(node))) return undefined;
  if (isCollection(node) && !node.flow) return undefined;
  const source = text.slice(node.range[0], node.range[1]);
  return /[\n#]|^[&*!|>]/.test(source) ? undefined : source;
}

function withValue(from: string, to: string, path: Path, value: Value): string {
  const document = parseDocument(to);
  const node = document.getIn(path, true);
  if (isNode(node) && node.range) {
    const [start, end] = node.range;
    const isBlock = isCollection(node) && !node.flow;
    if (!isBlock) return `${to.slice(0, start)}${flow(value)}${to.slice(end)}`;
    // A block begins below its key: the new value is written beside it.
    const key = pairOf(document.getIn(path.slice(0, -1), true) as YAMLMap, path.at(-1))?.key;
    if (!isNode(key) || !key.range) throw cannot(path);
    const between = to.slice(key.range[1], start);
    if (between.includes("#")) return `${to.slice(0, start)}${flow(value)}${to.slice(end)}`;
    return `${to.slice(0, key.range[1])}: ${flow(value)}${to.slice(trimmedEnd(to, end))}`;
  }
  return inserted(from, to, path, value);
}

/** Adds a key where its map has none. */
function inserted(from: string, to: string, path: Path, value: Value): string {
  const document = parseDocument(to);
  let depth = path.length - 1;
  while (depth > 0 && !document.hasIn(path.slice(0, depth))) depth--;
  const parent = document.getIn(path.slice(0, depth), true);
  if (!isMap(parent) || !parent.range) throw cannot(path);
  const [name, ...rest] = path.slice(depth);
  const wrapped = rest.reduceRight<Value>(
    (inner, one) => ({
      js: { [String(one)]: inner.js },
      source: inner.source === undefined ? undefined : `{ ${keyText(one)}: ${inner.source} }`,
    }),
    value,
  );
  if (parent.flow) {
    const last = parent.items.at(-1);
    if (!last)
      return `${to.slice(0, parent.range[0])}{ ${keyText(name)}: ${flow(wrapped)} }${to.slice(parent.range[1])}`;
    const end = endOf(last);
    return `${to.slice(0, end)}, ${keyText(name)}: ${flow(wrapped)}${to.slice(end)}`;
  }
  const before = predecessor(from, path.slice(0, depth), name, parent) ?? parent.items.at(-1);
  const [first] = parent.items;
  const key = first?.key;
  if (!before || !isNode(key) || !key.range) throw cannot(path);
  const lineStart = to.lastIndexOf("\n", key.range[0] - 1) + 1;
  const indent = to.slice(lineStart, key.range[0]);
  const lineEnd = to.indexOf("\n", trimmedEnd(to, endOf(before)) - 1);
  const at = lineEnd < 0 ? to.length : lineEnd;
  return `${to.slice(0, at)}\n${indent}${keyText(name)}: ${block(wrapped, indent)}${to.slice(at)}`;
}

/** The key behind which the other file has it, if this map has that one too. */
function predecessor(from: string, path: Path, name: Path[0] | undefined, parent: YAMLMap): Pair | undefined {
  const map = parseDocument(from).getIn(path, true);
  if (!isMap(map)) return undefined;
  const names = map.items.map((pair) => (isScalar(pair.key) ? pair.key.value : undefined));
  const earlier = names.slice(0, names.indexOf(name)).reverse();
  return earlier.map((one) => pairOf(parent, one as string)).find((pair) => pair !== undefined);
}

/** Removes a key, and with it a map that would be empty. */
function without(to: string, path: Path): string {
  const document = parseDocument(to);
  const parent = document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent) ? pairOf(parent, path.at(-1)) : undefined;
  if (!isMap(parent) || !pair || !isNode(pair.key) || !pair.key.range) throw cannot(path);
  if (parent.items.length === 1 && path.length > 2) return without(to, path.slice(0, -1));
  const [start, end] = [pair.key.range[0], trimmedEnd(to, endOf(pair))];
  if (parent.flow) {
    const at = parent.items.indexOf(pair);
    const [next, last] = [parent.items[at + 1], parent.items[at - 1]];
    if (next && isNode(next.key) && next.key.range) return `${to.slice(0, start)}${to.slice(next.key.range[0])}`;
    return last ? `${to.slice(0, endOf(last))}${to.slice(end)}` : `${to.slice(0, start)}${to.slice(end)}`;
  }
  const lineStart = to.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = to.indexOf("\n", end - 1);
  return `${to.slice(0, lineStart)}${lineEnd < 0 ? "" : to.slice(lineEnd + 1)}`;
}

function pairOf(map: unknown, name: Path[0] | undefined): Pair | undefined {
  return isMap(map) ? map.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
}

/** The place behind a pair's value. */
function endOf({ key, value }: Pair): number {
  const node = isNode(value) && value.range ? value : key;
  if (!isNode(node) || !node.range) throw new Error("the file has a place that cannot be edited by this program");
  return node.range[1];
}

/** A block's range may have its last line break, which is not part of it. */
function trimmedEnd(text: string, end: number): number {
  let at = end;
  while (at > 0 && /\s/.test(text[at - 1] ?? "")) at--;
  return at;
}

const keyText = (name: Path[0] | undefined): string => stringify(String(name)).trim();

/** A value in one line. */
function flow({ js, source }: Value): string {
  return source ?? stringify(js, { collectionStyle: "flow", lineWidth: 0 }).trim();
}

/** A value below or beside a key of a block. */
function block(value: Value, indent: string): string {
  if (value.source !== undefined) return value.source;
  const text = stringify(value.js, { lineWidth: 0 }).trimEnd();
  if (!text.includes("\n") && typeof value.js !== "object") return text;
  return `\n${text.replace(/^/gm, `${indent}  `)}`;
}

const cannot = (path: Path): Error =>
  new Error(`${path.slice(1).join(".")}: this program cannot write it there. Edit the file by hand`);
