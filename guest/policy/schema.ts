import { z } from "zod";
import { type ErrorCode, withCode } from "../../contract/errors.ts";
import { nearest } from "../../contract/nearest.ts";
import type { Problem } from "../../contract/problem.ts";
import { GROUP_NAMES } from "../egress/groups.ts";
import { parsePolicy } from "../egress/policy.ts";
import { parsePrivate } from "../egress/private.ts";
import { checkMountName, refuseSource, withoutSlash } from "../sessions/mounts.ts";
import { MOUNT_MODES, type MountMode } from "../sessions/request.ts";

/** The usual name of a policy file. */
export const POLICY_FILE = "cloister.policy.yaml";

/** Adds a check that returns all problems of a value, as texts. */
function checked<T extends z.ZodType>(schema: T, check: (value: z.output<T>) => readonly string[]): T {
  return schema.check((context) => {
    for (const message of check(context.value as z.output<T>)) {
      context.issues.push({ code: "custom", message, input: context.value });
    }
  }) as T;
}

const inWords = ({ code, message }: { readonly code: ErrorCode; readonly message: string }) => withCode(message, code);

function checkHost(entry: string): string[] {
  if (entry.includes(",")) return ["write one host a line"];
  const group = /^[a-z]+$/i.test(entry) ? nearest(entry, GROUP_NAMES) : undefined;
  const meant = group === undefined ? "" : `did you mean ${group}? `;
  return parsePolicy([entry]).problems.map((problem: Problem) => meant + inWords(problem));
}

const host = checked(z.string({ error: "write a host as text" }), checkHost).describe(
  "HOST, HOST:PORT, *.HOST, [IPv6 address], or the name of a group (docs/egress-groups.md).",
);

const range = z.string({ error: "write ADDRESS/PREFIX as text" });

/** A host that has private addresses. */
interface PrivateHost {
  readonly host: string;
  readonly private: string | readonly string[];
}

const privateHost = checked(
  z.strictObject({
    host,
    private: z
      .union([range, z.array(range).min(1, { error: "write at least one ADDRESS/PREFIX" })], {
        error: "write ADDRESS/PREFIX, or a list of them",
      })
      .describe("ADDRESS/PREFIX of a private range, or a list of them, in which this host may have its addresses."),
  }),
  (entry) => privateEntries(entry).flatMap((text) => parsePrivate([text]).problems.map(inWords)),
);

/** The entries of `--allow-private` for a host. Its port is no part of them. */
export function privateEntries({ host: name, private: ranges }: PrivateHost): string[] {
  return (typeof ranges === "string" ? [ranges] : ranges).map((one) => `${name.replace(/:\d+$/, "")}=${one}`);
}

const MODES: readonly string[] = MOUNT_MODES;

const mode = checked(z.string({ error: `write a mode: ${MODES.join(", ")}` }), (text) => {
  if (MODES.includes(text)) return [];
  const close = nearest(text, MODES);
  return [
    `there is no mode ${JSON.stringify(text)}${close === undefined ? "" : `; did you mean ${close}?`} Modes are ${MODES.join(", ")}`,
  ];
})
  .meta({ enum: [...MOUNT_MODES] })
  .describe(
    "ro: read only. rw: write, and delete nothing that was there before. trash: as rwd, and what was there before is kept aside. rwd: write and delete.",
  ) as unknown as z.ZodType<MountMode>;

/** The message for a section that is something else. Other problems of it have their own. */
const sectionOf = (keys: string) => (issue: { readonly code?: string }) =>
  issue.code === "invalid_type" ? `write ${keys}` : undefined;

const folder = z.strictObject(
  {
    path: checked(z.string({ error: "write a path as text" }), (path) => {
      if (path === "") return ["write a path"];
      if (path.includes("\0")) return ["it holds a NUL character"];
      if (path.startsWith("~")) return ["write the path itself: ~ is not replaced"];
      const why = path.startsWith("/") ? refuseSource(withoutSlash(path)) : undefined;
      return why === undefined ? [] : [why];
    }).describe("The folder: an absolute path where sessions run, or a path relative to the folder of this file."),
    mode,
  },
  { error: sectionOf("path: and mode:") },
);

const whole = (least: number, most: number, what: string) =>
  z
    .int({ error: `write a whole number from ${least} to ${most}` })
    .min(least, { error: `write a whole number from ${least} to ${most}` })
    .max(most, { error: `write a whole number from ${least} to ${most}` })
    .describe(what);

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A name as a key. A key that is wrong hides no problem of another one. */
const named = (check: (key: string) => string | undefined) =>
  checked(z.string(), (key) => {
    const message = check(key);
    return message === undefined ? [] : [message];
  });

/**
 * A policy file: everything that a sealed run may reach, see and use. The types, the checks, the JSON schema for editors
 * (`schemas/policy.schema.json`) and the command line all come from it.
 */
export const PolicyFile = z.strictObject(
  {
    version: z.literal(1, { error: "write version: 1" }).describe("Version of this format: 1."),
    hosts: z
      .array(
        z.union([host, privateHost], {
          error: "write a host as text, or host: and private: of one that has private addresses",
        }),
        { error: "write a list of hosts" },
      )
      .default([])
      .describe("Hosts that the session may reach. Default: none."),
    folders: z
      .record(named(checkMountName), folder, { error: "write folders, each with its name" })
      .default({})
      .describe("Folders that the session sees, each by its name below mnt/. Default: none."),
    limits: z
      .strictObject(
        {
          seconds: whole(
            1,
            2_147_483,
            "Seconds after which the command and all that its session runs is ended.",
          ).optional(),
          memoryMiB: whole(64, 999_999_999, "Memory of the session, its /tmp included. Unit: MiB.").optional(),
          tasks: whole(16, 999_999_999, "Processes and threads of the session.").optional(),
          tmpMiB: whole(1, 999_999_999, "Size of the session's /tmp. Unit: MiB.").optional(),
        },
        { error: sectionOf("limits with their names: seconds, memoryMiB, tasks, tmpMiB") },
      )
      .default({})
      .describe("Limits of the session, within those of the machine or the container. Default: theirs."),
    environment: z
      .record(
        named((key) => (VARIABLE.test(key) ? undefined : "not a variable's name")),
        checked(
          z.string({ error: "write the value in quotes; leave it empty for the caller's own value" }).nullable(),
          (text) => (text?.includes("\0") ? ["it holds a NUL character"] : []),
        ),
        { error: "write variables, each with its value" },
      )
      .default({})
      .describe("Variables for the command. An empty value (null) is the caller's own. No place for a secret."),
    model: z
      .strictObject(
        {
          use: z
            .boolean({ error: "write true or false" })
            .default(false)
            .describe("Opens the way to the model. Default: false."),
          name: z
            .string({ error: "write a model's name as text" })
            .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, "not a model's name")
            .optional()
            .describe("The model that the agent asks for. Default: the machine's."),
        },
        { error: sectionOf("use: true, and name:") },
      )
      .default({ use: false })
      .describe("The agent's model. The key is never in a file: the relay has it."),
  },
  { error: (issue) => (issue.code === "invalid_type" ? `a policy has keys: version, hosts, folders ...` : undefined) },
);

/** A checked policy file. */
export type PolicyFile = z.output<typeof PolicyFile>;

/** The JSON schema, for editors. */
export function policySchema(): object {
  const { $schema, properties = {}, ...schema } = z.toJSONSchema(PolicyFile, { io: "input", target: "draft-7" });
  // A section may be there without a value, except the version.
  const sections = Object.entries(properties).map(([name, one]) =>
    typeof one === "object" && (one.type === "array" || one.type === "object")
      ? [name, { ...one, type: [one.type, "null"] }]
      : [name, one],
  );
  return {
    $schema,
    $comment: "Generated from guest/policy/schema.ts by npm run docs.",
    title: "Policy file of cloister",
    description: "docs/policy.md says the same in full.",
    ...schema,
    properties: Object.fromEntries(sections),
  };
}
