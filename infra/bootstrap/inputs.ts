import { z } from "zod";
import { unknownRegion } from "../aws/access/deployer-policy.ts";
import type { Problem } from "../settings/problem.ts";

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
/** S3's rules for names, without dots, which TLS does not take (S3 user guide, "General purpose bucket naming rules"). */
const BUCKET = /^(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9](?<!-s3alias|--ol-s3)$/;
const REPOSITORY = { github: /^[\w.-]+\/[\w.-]+$/, gitlab: /^[\w.-]+(?:\/[\w.-]+)+$/ } as const;

/** What an account is made ready for. */
export const inputsSchema = z.strictObject({
  accountId: z.string().regex(/^\d{12}$/, "is no account: write its 12 digits"),
  region: z.string(),
  bucket: z
    .string()
    .regex(BUCKET, "is no name for the bucket: 3 to 63 lower-case letters, digits and hyphens")
    .refine((name) => !name.startsWith("cloister-"), "begins with cloister-: such buckets deployers may delete"),
  forge: z.enum(["github", "gitlab"], "is no forge: github or gitlab"),
  /** Host of the forge whose tokens are trusted. */
  forgeHost: z.string().regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, "is no host, such as gitlab.example.org"),
  repository: z.string(),
  /** GitHub: environments whose jobs may deploy. */
  environments: z
    .array(z.string().regex(NAME, "is no name of an environment: letters, digits, . _ and -"))
    .min(1, "is empty: name at least one"),
  /** GitHub: the environment whose jobs may preview. */
  previewEnvironment: z.string().regex(NAME, "is no name of an environment: letters, digits, . _ and -"),
  /** GitLab: the protected branch whose pipelines may deploy. */
  branch: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?$/, "is no branch, or a pattern: write one name"),
  /** GitLab: branches whose pipelines may preview, `*` for any text. A merge request's pipeline is of its source branch. */
  previewBranches: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9*](?:[A-Za-z0-9_./*-]*[A-Za-z0-9*])?$/, "is no branch: letters, digits, . _ / - and *"),
    )
    .min(1, "is empty: name at least one"),
  /** True where the account trusts the forge already: there is one such provider in an account. */
  hasProvider: z.boolean(),
});

export type Inputs = z.infer<typeof inputsSchema>;

/** What the user wrote, each key by its option. Absent: not written. */
export type RawInputs = { readonly [Key in keyof Inputs]?: Inputs[Key] | string | undefined };

const OPTIONS: Readonly<Record<keyof Inputs, string>> = {
  accountId: "--account",
  region: "--region",
  bucket: "--bucket",
  forge: "--forge",
  forgeHost: "--forge-host",
  repository: "--repository",
  environments: "--environment",
  previewEnvironment: "--preview-environment",
  branch: "--branch",
  previewBranches: "--preview-branch",
  hasProvider: "--existing-provider",
};

const REQUIRED = ["accountId", "region", "bucket", "repository"] as const;

/** Reads the inputs, and tells all that is wrong with them at once. */
export function readInputs(
  raw: RawInputs,
): { readonly inputs: Inputs } | { readonly inputs?: never; readonly problems: readonly Problem[] } {
  const github = raw.forge !== "gitlab";
  const all = {
    forge: "github",
    forgeHost: github ? "token.actions.githubusercontent.com" : "gitlab.com",
    environments: ["dev", "staging", "prod"],
    previewEnvironment: "preview",
    branch: "main",
    // The protected branch alone: whoever may push to another one runs code of theirs with the role.
    previewBranches: [raw.branch ?? "main"],
    hasProvider: false,
    ...Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined)),
  };
  const missing = REQUIRED.filter((key) => raw[key] === undefined);
  const parsed = inputsSchema.safeParse(all);
  const problems: Problem[] = missing.map((key) => ({ path: OPTIONS[key], message: "is missing" }));
  const add = (key: keyof Inputs, value: unknown, message: string) =>
    problems.push({ path: OPTIONS[key], value: String(value), message });
  for (const { path, message } of parsed.error?.issues ?? []) {
    const key = path[0] as keyof Inputs;
    if (missing.includes(key as (typeof REQUIRED)[number])) continue;
    const value = (all as Record<string, unknown>)[key];
    add(key, Array.isArray(value) && typeof path[1] === "number" ? value[path[1]] : value, message);
  }
  const unknown = raw.region === undefined ? undefined : unknownRegion(String(raw.region));
  if (unknown) add("region", raw.region, unknown);
  if (raw.repository !== undefined && !REPOSITORY[github ? "github" : "gitlab"].test(String(raw.repository)))
    add("repository", raw.repository, `is no repository: ${github ? "OWNER/NAME" : "GROUP/NAME"}`);
  const environments = all.environments as readonly string[];
  if (new Set(environments).size < environments.length) add("environments", environments.join(), "names one twice");
  if (environments.includes(String(all.previewEnvironment)))
    add(
      "previewEnvironment",
      all.previewEnvironment,
      "may deploy too: anybody's change would be run with the deployer's rights",
    );
  return problems.length > 0 || !parsed.success ? { problems } : { inputs: parsed.data };
}
