import { z } from "zod";
import type { Problem } from "../../contract/problem.ts";
import type { EgressDecision } from "../egress/decision.ts";
import { parsePolicy } from "../egress/policy.ts";
import { parsePrivate } from "../egress/private.ts";
import { checkMountRequests } from "../sessions/mounts.ts";
import { checkName } from "../sessions/names.ts";
import type { MOUNT_MODES } from "../sessions/request.ts";

/** The longest time limit that a timer of Node's takes, in milliseconds: almost 25 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Adds to a schema a check beyond the type, which returns all problems of a value. */
function checked<T extends z.ZodType>(schema: T, check: (value: z.output<T>) => readonly Problem[]): T {
  return schema.check((context) => {
    for (const problem of check(context.value as z.output<T>)) {
      context.issues.push({ code: "custom", message: problem.message, input: context.value, params: { problem } });
    }
  }) as T;
}

/** Makes a check of a function that finds at most one problem and returns it as a text. */
const oneProblem =
  <T>(base: Pick<Problem, "code" | "subject">, why: (value: T) => string | undefined) =>
  (value: T): readonly Problem[] => {
    const message = why(value);
    if (message === undefined) return [];
    return [{ ...base, ...(base.subject === "command" ? {} : { value: String(value) }), message }];
  };

const mount = z.strictObject({
  /** Absolute path of the folder on the machine. No part of it may be a symbolic link. */
  source: z.string(),
  /** Name below `mnt/`: one path component. */
  name: z.string(),
  /** One of {@link MOUNT_MODES}; see there. */
  mode: z.string() as unknown as z.ZodType<(typeof MOUNT_MODES)[number]>,
});

/**
 * One command to run in one sealed session: the whole request, with all checks that need no machine. The program that
 * takes it from a person checks it, and the machine checks it again.
 */
export const SealedRun = z.strictObject({
  /** Program and arguments. The program is looked up on the session's PATH. */
  command: checked(
    z.array(z.string()).readonly(),
    oneProblem({ code: "CLOISTER_E_COMMAND", subject: "command" }, (command) => {
      if (command.length === 0 || command[0] === "") return "there is none: write it after --";
      return command.some((word) => word.includes("\0")) ? "it holds a NUL character" : undefined;
    }),
  ),
  /**
   * Hosts the session may reach through its proxy: `host`, `host:port`, `*.host`, or a group's name. Default: none.
   * Addresses of the machine itself, of its networks and of its metadata service are never reachable.
   */
  allow: checked(z.array(z.string()).readonly(), (allow) => parsePolicy(allow).problems).optional(),
  /** Hosts that may have addresses of a private range, each `HOST=ADDRESS/PREFIX`; they must be allowed, too. */
  allowPrivate: checked(z.array(z.string()).readonly(), (entries) => parsePrivate(entries).problems).optional(),
  mounts: checked(z.array(mount).readonly(), checkMountRequests).optional(),
  /**
   * Name of the session. Default: a random `<adjective>-<adjective>-<noun>`. A named session's home is kept when its
   * command ends, and used again by the next run of that name.
   */
  name: checked(z.string(), oneProblem({ code: "CLOISTER_E_NAME", subject: "name" }, checkName)).optional(),
  /** Keeps the session (home and user) after its command. Default: false for a random name, true for a given one. */
  keep: z.boolean().optional(),
  /**
   * Variables added to the session's own small environment, or in the place of some, the proxies' too. The proxies stay
   * the only way out, whatever the variables say.
   */
  environment: checked(z.record(z.string(), z.string()), (variables) =>
    Object.entries(variables).flatMap(([value, text]): Problem[] => {
      const problem = { code: "CLOISTER_E_ENV", subject: "environment", value } as const;
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return [{ ...problem, message: "not a variable's name" }];
      return text.includes("\0") ? [{ ...problem, message: "its value holds a NUL character" }] : [];
    }),
  ).optional(),
  /** Working directory inside the session: absolute, or relative to its home. Default: its home. */
  cwd: checked(
    z.string(),
    oneProblem({ code: "CLOISTER_E_CWD", subject: "cwd" }, (cwd) => {
      if (cwd === "") return "write a path inside the session: absolute, or relative to its home";
      return cwd.includes("\0") ? "it holds a NUL character" : undefined;
    }),
  ).optional(),
  /** Limits of the session, each at most that of the machine's sessions, which is the default. */
  limits: z
    .strictObject({
      /** Memory of all its processes and of its /tmp, in MiB. */
      memoryMiB: z.int().positive().optional(),
      /** Processes and threads. */
      tasksMax: z.int().positive().optional(),
      /** Size of its /tmp, in MiB. */
      tmpMiB: z.int().positive().optional(),
    })
    .optional(),
  /** The model that the agent asks for. Default: the machine's. */
  model: checked(
    z.string(),
    oneProblem({ code: "CLOISTER_E_MODEL", subject: "model" }, (name) =>
      /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/.test(name) ? undefined : "write a model's name",
    ),
  ).optional(),
  /** Runs Claude Code's relay beside the session and gives the session its token. Default: false. */
  agent: z.boolean().optional(),
  /** Ends the command after this many milliseconds. Default: no limit. */
  timeoutMs: checked(
    z.unknown() as unknown as z.ZodType<number>,
    oneProblem({ code: "CLOISTER_E_TIMEOUT", subject: "timeout" }, (ms) =>
      typeof ms === "number" && ms > 0 && ms <= LONGEST_MS ? undefined : "it must be above 0, and at most 24 days",
    ),
  ).optional(),
});
export type SealedRun = z.infer<typeof SealedRun>;

/** A request, and the way in which it is carried out. */
export interface SealedSpec extends SealedRun {
  /**
   * `inherit`: the command has the caller's stdin, stdout and stderr. `capture`: stdin is empty and both outputs are
   * returned. Default: `inherit`.
   */
  readonly stdio?: "inherit" | "capture";
  /** True for the verification, which looks at sessions also on a machine that is not ready (yet). Default: false. */
  readonly verifying?: boolean;
  /** Stops the command, and with it everything in the session, when aborted. */
  readonly signal?: AbortSignal;
  /** Called for every decision about the network, allowed or denied, as it is made. */
  readonly onDecision?: (decision: EgressDecision) => void;
  /** Called when the session is there, before its command starts. It may take its time. */
  readonly onOpened?: (session: string) => Promise<void>;
  /**
   * With `stdio: "capture"`: gets both outputs as they come, instead of the result. The command waits while it takes its
   * time.
   */
  readonly onOutput?: (data: Buffer) => Promise<void>;
  /** Called with lines for a person: warnings, such as that the demo model answers. */
  readonly onNotice?: (line: string) => void;
}

/**
 * Returns all problems of a request that can be found without the machine. When there are none, it is a
 * {@link SealedRun}.
 */
export function problemsOf(request: unknown): readonly Problem[] {
  const parsed = SealedRun.safeParse(request);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue): Problem => {
    const problem = issue.code === "custom" ? (issue.params?.["problem"] as Problem | undefined) : undefined;
    return (
      problem ?? {
        code: "CLOISTER_E_REQUEST",
        subject: "request",
        message: `${issue.path.join(".")}: ${issue.message}`,
      }
    );
  });
}

/** Returns the request within a {@link SealedSpec}: only the keys that the schema has. */
export function requestIn(spec: SealedSpec): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(SealedRun.shape).flatMap((key) => {
      const value = spec[key as keyof SealedRun];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}
