import { createHash } from "node:crypto";
import { z } from "zod";
import { nameOf, shortType } from "./names.ts";

const stateSchema = z.object({
  deployment: z
    .object({
      manifest: z.object({ time: z.string().default("") }).default({ time: "" }),
      resources: z
        .array(
          z.object({
            urn: z.string(),
            type: z.string(),
            id: z.string().default(""),
            parent: z.string().default(""),
            inputs: z.record(z.string(), z.unknown()).default({}),
            dependencies: z.array(z.string()).default([]),
            propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).default({}),
          }),
        )
        .nullish(),
      pending_operations: z.array(z.object({ type: z.string(), resource: z.object({ urn: z.string() }) })).nullish(),
    })
    .nullish(),
});

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly parent: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[] | null>>;
}

/** A stack's state, as `pulumi stack export` writes it. */
export interface State {
  /** Digest of all that the text says, however it is written, because a user's own backend has no serial number. */
  readonly sha256: string;
  readonly time: string;
  readonly resources: ReadonlyMap<string, StateResource>;
  /** Operations that a deploy began and did not end, in words: the account may have more or less than the state says. */
  readonly begun: readonly string[];
  /**
   * Only people who may read the state know this key. It stays the same as long as the stack has the same resources.
   */
  readonly key: string;
}

/** @throws Error when the text is no state */
export function readState(text: string): State {
  const plain: unknown = JSON.parse(text);
  const parsed = stateSchema.parse(plain);
  const resources = parsed.deployment?.resources ?? [];
  const identities = resources.map(({ urn, id }) => `${urn} ${id}`).sort();
  return {
    // Written as the engine writes it, but for what JSON has two ways for: the same for a state from its file.
    sha256: createHash("sha256")
      .update(JSON.stringify(plain, undefined, 4))
      .digest("hex"),
    time: parsed.deployment?.manifest.time ?? "",
    resources: new Map(resources.map((one) => [one.urn, one])),
    begun: (parsed.deployment?.pending_operations ?? []).map(
      ({ type, resource: { urn } }) =>
        `${type} ${shortType(urn.split("::")[2]?.split("$").at(-1) ?? "")} ${nameOf(urn)}`,
    ),
    key: createHash("sha256")
      .update(`cloister preview\n${identities.join("\n")}`)
      .digest("hex"),
  };
}
