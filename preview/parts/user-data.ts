import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { USER_DATA_LIMIT } from "../../cloud-init/render.ts";
import { isObject, type Plain, plain } from "../events/values.ts";

/** User data in parts. It tells a machine's first boot what to do. */
export interface UserData {
  /** Contents by path; the rest of the document under `cloud-config`. */
  readonly files: Readonly<Record<string, string>>;
}

export { USER_DATA_LIMIT };

/** Files whose text is the repository's own. For other files only the size is shown. */
const OWN =
  /^(?:cloud-config|\/etc\/cloister\/(?:machine\.json|boot\.env)|\/usr\/local\/lib\/cloister\/[a-z-]+|\/etc\/systemd\/system\/cloister-[a-z-]+\.service)$/;
/**
 * Keys in machine.json whose values may be anything: a user who configures a server of tools writes its environment.
 */
const INNER = /^(?:env|args|command|headers|url)$/;
const MOST = 1 << 20;

/** Tells whether a file's text may be shown. */
export const isOwn = (path: string): boolean => OWN.test(path);

/** The size in bytes, as EC2 counts it. */
export const bytesOf = (base64: string): number => Buffer.byteLength(base64, "base64");

/** The text of user data as it is, or undefined. */
export function textOf(base64: string): string | undefined {
  try {
    const packed = Buffer.from(base64, "base64");
    return packed[0] === 0x1f
      ? gunzipSync(packed, { maxOutputLength: MOST }).toString("utf8")
      : packed.toString("utf8");
  } catch {
    return undefined;
  }
}

/** Decodes user data. Returns undefined when it is not in the form that this program renders. */
export function readUserData(base64: string): UserData | undefined {
  try {
    const text = textOf(base64);
    if (text === undefined) return undefined;
    const config = plain(parse(text));
    if (!isObject(config)) return undefined;
    const { write_files: written, ...rest } = config;
    const files: Record<string, string> = {};
    for (const file of Array.isArray(written) ? written : []) {
      if (!isObject(file) || typeof file["path"] !== "string") return undefined;
      const content = typeof file["content"] === "string" ? file["content"] : "";
      files[file["path"]] = file["path"].endsWith("/machine.json") ? machineText(content) : content;
    }
    files["cloud-config"] = `${JSON.stringify(rest, undefined, 2)}\n`;
    return { files };
  } catch {
    return undefined;
  }
}

/** Writes one member on each line, so that a difference is a line. */
function machineText(content: string): string {
  try {
    return `${JSON.stringify(withoutInner(JSON.parse(content) as Plain, false), undefined, 2)}\n`;
  } catch {
    return content;
  }
}

function withoutInner(value: Plain, within: boolean): Plain {
  if (Array.isArray(value)) return value.map((one) => withoutInner(one, within));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      within && INNER.test(key) ? "(not shown)" : withoutInner(one, within || key === "mcpServers"),
    ]),
  );
}
