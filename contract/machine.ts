import { readFile } from "node:fs/promises";
import { z } from "zod";
import { DEFAULTS } from "./reference.ts";

/** A value of which nothing can be changed. */
export type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** cloud-init writes the description of this machine here. It holds names, sizes and digests: never a secret. */
export const MACHINE_FILE = "/etc/cloister/machine.json";

/** Name of the one machine of a local stack. */
export const LOCAL_MACHINE = "machine";

/** Name of the one container of a container stack. */
export const CONTAINER_MACHINE = "container";

/** ext4 label of a session disk, unless a description says otherwise. */
export const SESSION_LABEL = "sessions";

/** The largest accepted number of MiB or of processes: nine digits, which every shell can calculate with. */
const MOST = 999_999_999;

const hex256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 digest: 64 lower-case hexadecimal digits");

/** NVMe takes 1 to 20 printable ASCII characters (NVM Express base specification, SN); boot.env accepts only these. */
const serial = z.string().regex(/^[A-Za-z0-9._:-]{1,20}$/, "must be 1 to 20 letters, digits, ., _, : or -");

/** RFC 1123: a label of a host's name. */
export const Hostname = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be 1 to 63 lower-case letters, digits or hyphens, no hyphen at either end",
  );

/** A package's name (Debian policy, 5.6.1), at most 128 characters. */
export const PACKAGE = /^[a-z0-9][a-z0-9+.-]{1,127}$/;

/** A label for ext4: at most 16 bytes (ext4(5), s_volume_name). */
const label = z.string().regex(/^[A-Za-z0-9_-]{1,16}$/, "must be 1 to 16 letters, digits, - or _");

/** One MCP server, as Claude Code's `--mcp-config` takes it: a program started inside the session, or a URL. */
export const McpServer = z.discriminatedUnion(
  "type",
  [
    z.strictObject({
      /** Default: stdio. This cannot use `default`: the union could not tell such a server from one of another type. */
      type: z
        .literal("stdio")
        .optional()
        .transform(() => "stdio" as const),
      /** Program to start, inside the session. */
      command: z.string().min(1),
      args: z.array(z.string()).default([]),
      env: z.record(z.string(), z.string()).default({}),
    }),
    z.strictObject({
      type: z.enum(["http", "sse"]),
      /** Address of the server. The session reaches it through its proxy: the egress policy must allow its host. */
      url: z.url(),
      headers: z.record(z.string(), z.string()).default({}),
    }),
  ],
  { error: "must be stdio (or left out), http or sse" },
);
export type McpServer = z.infer<typeof McpServer>;

/** MCP servers by name. */
export const McpServers = z.record(
  z.string().regex(/^[A-Za-z0-9 _-]{1,64}$/, "must be 1 to 64 letters, digits, spaces, - or _"),
  McpServer,
);

/**
 * Two MCP servers that ship in the runtime image (the reference has two as well, a browser and a hosted one, whose
 * programs are not public): `session` tells the agent where it is and what it may do, `web` fetches a page as text
 * through the session's own proxy.
 */
export const DEFAULT_MCP_SERVERS: Record<"session" | "web", { command: string; args: string[] }> = {
  session: { command: "/opt/cloister/bin/mcp", args: ["session"] },
  web: { command: "/opt/cloister/bin/mcp", args: ["web"] },
};

/** Settings of a session's agent. */
export const AgentSettings = z.strictObject({
  /** Model asked for. Default: the reference's (row A2). */
  model: z.string().min(1).default(DEFAULTS.model),
  /** Tools offered to the model. Default: the reference's (row A3). */
  tools: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, "must be a tool's name"))
    .min(1)
    .default([...DEFAULTS.tools]),
  /** MCP servers by name. Default: the two that ship in the runtime image, see {@link DEFAULT_MCP_SERVERS}. */
  mcpServers: McpServers.prefault({ ...DEFAULT_MCP_SERVERS }),
});
export type AgentSettings = z.infer<typeof AgentSettings>;

/** `/etc/cloister/machine.json`: all that the guest knows about its machine. Unknown keys are errors. */
export const Machine = z.strictObject({
  /** Name of the machine, unique in its stack. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and -, at most 63"),
  /** The target that makes the machines of this stack. Rows that only another target promises are not applied to it. */
  target: z.enum(["local", "aws", "container"]),
  /** Values that the stack asked for in place of the reference's: the verification compares its rows with them. */
  expected: z
    .strictObject({
      /** Host name of machine and sandboxes (row O3). Default: the reference's. */
      hostname: Hostname.default(DEFAULTS.hostname),
      /** Release of Ubuntu (rows O1, O2), where the stack asked for a newer one than the reference's, the default. */
      ubuntu: z.literal("24.04").optional(),
      /**
       * Virtual CPUs (row M2): one of these, where a pool has instance types of several sizes. Default: the
       * reference's.
       */
      cpus: z.array(z.int().positive()).min(1).default([DEFAULTS.cpus]),
      /** Memory of the machine in MiB (rows M4, M5), where it is less than the reference's, the default. */
      memoryMiB: z.int().positive().max(DEFAULTS.memoryMiB).default(DEFAULTS.memoryMiB),
      /** Size of the root disk in GiB (row D1). Default: the reference's. */
      rootDiskGiB: z.int().positive().default(DEFAULTS.rootDiskGiB),
      /**
       * Least size of the session disk in GiB (row D3), where it is less than the reference's, the default. From there
       * on it can grow under a machine, which is not made anew for that.
       */
      sessionDiskGiB: z.int().positive().max(DEFAULTS.sessionDiskGiB).default(DEFAULTS.sessionDiskGiB),
    })
    .prefault({}),
  runtime: z.strictObject({
    /** SHA-256 of the runtime image (the squashfs file, not the disk behind it, which may be padded). */
    digest: hex256,
    /** NVMe serial of the disk that holds the runtime image. */
    serial: serial.default("cloister-runtime"),
    /** Bytes of the runtime image. Without it the whole disk is hashed. */
    size: z.int().positive().optional(),
    /** The source of the image on targets that attach no disk for it. The machine fetches it with its role. */
    source: z.strictObject({ region: z.string().min(1), bucket: z.string().min(3), key: z.string().min(1) }).optional(),
  }),
  sessionDisk: z
    .strictObject({
      /** ext4 label of the session disk. The disk gets it when it is formatted, and is found by it. */
      label: label.default(SESSION_LABEL),
      /** NVMe serial of the disk that may be formatted when it is blank. */
      serial: serial.default("cloister-session"),
      /** EC2's device name, which NVMe disks of EBS carry in their vendor-specific data; goes before `serial`. */
      device: z
        .string()
        .regex(/^\/dev\/sd[f-p]$/, "must be one of /dev/sdf to /dev/sdp")
        .optional(),
    })
    .prefault({}),
  sessions: z
    .strictObject({
      /**
       * Memory that all sessions together may use, in MiB: MemoryMax of their slice. Default: the reference's (row M4).
       */
      memoryMiB: z.int().min(256).max(MOST).default(DEFAULTS.sessionMemoryMiB),
      /** Size of a session's private /tmp, in MiB. Default 512. */
      tmpMiB: z.int().min(16).max(MOST).default(512),
      /** Processes and threads that all sessions together may have: TasksMax of their slice. Default 8192. */
      tasksMax: z.int().min(64).max(MOST).default(8192),
    })
    .prefault({}),
  /** Packages of the distribution that are installed at first boot, beside those that every machine has. */
  packages: z
    .array(
      z.string().regex(PACKAGE, "must be a package's name: lower-case letters, digits, + - . (Debian policy, 5.6.1)"),
    )
    .default([]),
  /** Mirror for Debian's stand-in image, which has no sources of packages. */
  debianMirror: z.string().optional(),
  agent: AgentSettings.prefault({}),
  /** Settings of a machine on AWS; absent on other targets. */
  aws: z
    .strictObject({
      region: z.string().min(1),
      /** Name of the stack. */
      stack: z.string().min(1),
      logGroups: z.strictObject({ system: z.string().min(1), audit: z.string().min(1) }),
      /**
       * True: a machine is not ready when its logs are not shipped. Default: it is ready, and says that they are not.
       */
      logsRequired: z.boolean().default(false),
      /** ARN of the Secrets Manager secret that holds the model's key. */
      modelKeySecret: z.string().optional(),
      /**
       * The hooks that an Auto Scaling group waits for; absent on a named machine. The name of the group is in the
       * instance's tag `aws:autoscaling:groupName`, because all groups of a pool have one launch template.
       */
      pool: z
        .strictObject({
          launchHook: z.string().min(1),
          terminateHook: z.string().min(1),
          /** Seconds that the launch hook waits for a signal before the machine is given up. Default 900. */
          verifySeconds: z.int().min(60).default(900),
          /** Seconds that commands may still run when the machine must stop. */
          drainSeconds: z.int().positive(),
        })
        .optional(),
    })
    .optional(),
});
export type Machine = z.infer<typeof Machine>;
/** The values that a stack asked for in place of the reference's defaults. */
export type Expected = Machine["expected"];

/**
 * The values that a stack asked for, as a description has them. Memory and session disk count only up to the
 * reference's values: so a larger value of either changes no description.
 */
export function expectedOf({
  memoryMiB,
  sessionDiskGiB,
  ...rest
}: Omit<Expected, "cpus"> & Partial<Pick<Expected, "cpus">>) {
  return {
    ...rest,
    memoryMiB: Math.min(memoryMiB, DEFAULTS.memoryMiB),
    sessionDiskGiB: Math.min(sessionDiskGiB, DEFAULTS.sessionDiskGiB),
  };
}

/** A description as it may be written: everything with a default may be left out. */
export type MachineInput = DeepReadonly<z.input<typeof Machine>>;

/** Checks a machine's description. All problems are reported in one error, each with its property path. */
export function parseMachine(value: unknown, source = MACHINE_FILE): Machine {
  const result = Machine.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `  ${issue.path.join(".") || "(top)"}: ${issue.message}`);
  throw new Error(`${source} does not describe a machine:\n${problems.join("\n")}`);
}

/** Reads and checks this machine's description. */
export async function readMachine(path: string = MACHINE_FILE): Promise<Machine> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `cannot read ${path} (${error.code}): cloud-init writes it at first boot; is this a cloister machine?`,
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`);
  }
  return parseMachine(value, path);
}
