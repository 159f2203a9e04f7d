import { isAbsolute, join, normalize, resolve } from "node:path";
import { z } from "zod";
import { POLICY_FILE } from "../../../guest/policy/schema.ts";
import { MOUNT_MODES } from "../../../guest/sessions/request.ts";
import { isWithin, real } from "./paths.ts";

/** The settings of one CI step, from its environment. */
export interface StepSettings {
  /** A command for bash, or a prompt for the agent. */
  readonly task: { readonly command: string } | { readonly prompt: string };
  /** The checkout, an absolute path. */
  readonly folder: string;
  readonly mode: (typeof MOUNT_MODES)[number];
  /** Path of the policy file in the checkout. */
  readonly policy: string;
  /** The side of a change whose policy holds. */
  readonly policyFrom: "base" | "head";
  /** Commit that a pull request or a merge request is to be merged into. Absent: there is none. */
  readonly baseCommit?: string;
  /** Folder of the repository that has it. Absent: the outermost around the checkout. */
  readonly repository?: string;
  /** Folder for audit log and summary. Absent: one that is made for this step. */
  readonly results?: string;
  readonly image?: string;
  readonly base?: string;
  readonly engine?: string;
  readonly acceptWeaker: boolean;
}

const PREFIX = "CLOISTER_CI_";

/** The folder of this program's own files. */
const PROGRAM = join(import.meta.dirname, "../../..");

const text = z
  .string()
  .optional()
  .transform((value) => (value === "" ? undefined : value));
const yesNo = z.enum(["true", "false"], { error: "write true or false" });

const Environment = z.object({
  COMMAND: text,
  PROMPT: text,
  FOLDER: text,
  MODE: text.pipe(z.enum(MOUNT_MODES, { error: `write ${MOUNT_MODES.join(", ")}` }).default("trash")),
  POLICY: text.pipe(z.string().default(POLICY_FILE)).transform((path, context) => {
    const tidy = normalize(path);
    if (!isAbsolute(path) && !tidy.startsWith("..") && /^[\w./-]+$/.test(tidy) && !tidy.startsWith("-")) return tidy;
    context.addIssue({ code: "custom", message: "write a path within the checkout, of letters, digits, _ . / -" });
    return z.NEVER;
  }),
  POLICY_FROM: text.pipe(z.enum(["base", "head"], { error: "write base or head" }).default("base")),
  BASE_COMMIT: text.pipe(
    z
      .string()
      .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "write a commit's whole name")
      .optional(),
  ),
  REPOSITORY_FOLDER: text,
  RESULTS: text,
  IMAGE: text,
  BASE: text,
  ENGINE: text,
  ACCEPT_WEAKER: text.pipe(yesNo.default("false")),
});

/**
 * Reads the settings of a step.
 *
 * @returns the settings, or all that is wrong, each with the variable's name
 */
export function readSettings(environment: NodeJS.ProcessEnv): StepSettings | { readonly problems: readonly string[] } {
  const given = Object.fromEntries(Object.keys(Environment.shape).map((name) => [name, environment[PREFIX + name]]));
  const parsed = Environment.safeParse(given);
  const problems = (parsed.error?.issues ?? []).map(
    ({ path, message }) => `${PREFIX}${String(path[0])}=${JSON.stringify(given[String(path[0])] ?? "")}: ${message}`,
  );
  const { COMMAND: command, PROMPT: prompt } = {
    COMMAND: given["COMMAND"] || undefined,
    PROMPT: given["PROMPT"] || undefined,
  };
  if ((command === undefined) === (prompt === undefined)) {
    problems.push(`write either a command (${PREFIX}COMMAND) or a prompt for the agent (${PREFIX}PROMPT)`);
  }
  const folder = given["FOLDER"] || environment["GITHUB_WORKSPACE"] || environment["CI_PROJECT_DIR"] || process.cwd();
  const written = real(resolve(folder));
  // A session that may write the scripts of this step decides what the job runs after it.
  const own = [environment["GITHUB_ACTION_PATH"], PROGRAM, process.cwd()].find(
    (path) => path && isWithin(real(path), written),
  );
  if (own && given["MODE"] !== "ro") {
    problems.push(
      `the action's own files (${own}) are in the folder that the session may write: use a published version of the action, check it out elsewhere, or write mode: ro`,
    );
  }
  // Not the first repository that is found: an earlier session of the job could have made one.
  const workspace = [environment["GITHUB_WORKSPACE"], environment["CI_PROJECT_DIR"]].find(
    (path) => path && isWithin(written, real(path)),
  );
  const repository = given["REPOSITORY_FOLDER"] || workspace;
  if (repository && !isWithin(written, real(resolve(workspace ?? ".", repository))))
    problems.push(
      `${PREFIX}REPOSITORY_FOLDER=${JSON.stringify(repository)}: the checkout (${folder}) is not in it: write the folder of the repository, or leave it out`,
    );
  // Elsewhere a folder for temporary files is everybody's, and other jobs'.
  const temporary = environment["RUNNER_TEMP"];
  const results = given["RESULTS"] || (temporary ? join(temporary, "cloister") : undefined);
  if (results !== undefined) problems.push(...wrongResults(resolve(results), resolve(folder), given["MODE"]));
  if (!parsed.success || problems.length > 0) return { problems };
  const { data } = parsed;
  const one = <K extends string>(key: K, value: string | undefined) =>
    (value === undefined ? {} : { [key]: value }) as { [key in K]?: string };
  return {
    task: command === undefined ? { prompt: prompt ?? "" } : { command },
    folder: resolve(folder),
    mode: data.MODE,
    policy: data.POLICY,
    policyFrom: data.POLICY_FROM,
    acceptWeaker: data.ACCEPT_WEAKER === "true",
    ...one("results", results === undefined ? undefined : resolve(results)),
    ...one("baseCommit", data.BASE_COMMIT),
    ...one("repository", repository === undefined ? undefined : resolve(workspace ?? ".", repository)),
    ...one("image", data.IMAGE),
    ...one("base", data.BASE),
    ...one("engine", data.ENGINE),
  };
}

function wrongResults(results: string, folder: string, mode: string | undefined): string[] {
  const complain = (what: string) => [`${PREFIX}RESULTS=${JSON.stringify(results)}: ${what}`];
  // It becomes a line of the runner's file.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(results)) return complain("a path without control characters");
  // Links there would lead what is written outside of the session.
  if (mode !== "ro" && isWithin(real(results), real(folder)))
    return complain(`it is in the folder that the session may write (${folder}): name one outside of it`);
  return [];
}
