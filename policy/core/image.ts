import type { World } from "./rule.ts";

/** The image that the stack's configuration pins. */
export interface PinnedImage {
  readonly id: string;
  readonly owner: string;
  readonly architecture: string;
  readonly region: string;
  readonly name: string;
}

/** `cloister:ami` of the stack; undefined when there is none, or it is no object. */
export function pinnedImage({ config }: Pick<World, "config">): PinnedImage | undefined {
  try {
    const found: unknown = JSON.parse(config["cloister:ami"] ?? "null");
    if (typeof found !== "object" || found === null) return undefined;
    const text = (key: string): string => {
      const value = (found as Record<string, unknown>)[key];
      return typeof value === "string" || typeof value === "number" ? String(value) : "";
    };
    return {
      id: text("id"),
      owner: text("owner"),
      architecture: text("architecture"),
      region: text("region"),
      name: text("name"),
    };
  } catch {
    return undefined;
  }
}
