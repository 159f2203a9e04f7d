import { z } from "zod";
import { Hostname, McpServers } from "../../contract/machine.ts";
import { DEFAULTS, REFERENCE_TOOLS } from "../../contract/reference.ts";
import { parseHostService } from "../local/network/host-access.ts";
import { awsKeys } from "./aws-schema.ts";
import { documented, type KeyDoc, wholeNumber } from "./keys.ts";

/**
 * The one schema of a stack's configuration. The types, the checks, `docs/config.md` and the `config` block of
 * `Pulumi.yaml` all come from it. A key `x` here is `cloister:x` in `Pulumi.<stack>.yaml`.
 */

export type { KeyDoc };

/** One service that the local machine may reach; the message says what is wrong with it. */
const hostService = z.string().superRefine((entry, context) => {
  const service = parseHostService(entry);
  if (typeof service === "string") context.addIssue({ code: "custom", message: service });
});

export const settingsSchema = z.strictObject({
  target: documented(
    z.enum(["local", "aws"]).default("local"),
    "Machine",
    "Where machines come from. `local`: QEMU on this computer. `aws`: Graviton instances in an account of yours.",
  ),
  hostname: documented(
    Hostname.default(DEFAULTS.hostname),
    "Machine",
    "Host name of the machine, and of every sandbox on it.",
  ),
  architecture: documented(
    z.enum(["host", "arm64", "amd64"]).default("host"),
    "Machine",
    "Architecture of the machine. `host`: that of this computer. Another one is emulated, which is slow.",
  ),
  cpus: documented(
    wholeNumber(1, 64).default(DEFAULTS.cpus),
    "Machine",
    "Virtual CPUs of the machine. A change replaces the machine; its session disk stays. On AWS: by `instanceType`.",
  ),
  memoryMiB: documented(
    wholeNumber(2048, 1_048_576).default(DEFAULTS.memoryMiB),
    "Machine",
    "Memory of the machine, in MiB. 4096 shows as 3.8 GiB inside. A change replaces the machine where it changes what sessions may use (below 4915); its session disk stays.",
  ),
  sessionMemoryMiB: documented(
    wholeNumber(0, 1_048_576).default(0),
    "Machine",
    `Memory that all sessions of a machine may use together, in MiB; a command that wants more is killed inside its session. 0: \`memoryMiB\` less 1024, at most ${DEFAULTS.sessionMemoryMiB} (what the reference machine has). On AWS never more than the instance has, less 1024.`,
  ),
  rootDiskGiB: documented(
    wholeNumber(4, 16_384).default(DEFAULTS.rootDiskGiB),
    "Machine",
    "Size of the root disk, in GiB. A change replaces the machine; its session disk stays.",
  ),
  sessionDiskGiB: documented(
    wholeNumber(1, 16_384).default(DEFAULTS.sessionDiskGiB),
    "Machine",
    "Size of the session disk, in GiB. It outlives the machine. It can grow, never shrink. A change below 10 replaces the machine, not the disk.",
  ),
  model: documented(
    z.string().min(1, { error: "must not be empty" }).default(DEFAULTS.model),
    "Agent",
    "Model that the agent asks for.",
  ),
  tools: documented(
    z
      .array(z.enum(REFERENCE_TOOLS))
      .min(1, { error: "must name at least one tool" })
      .default([...REFERENCE_TOOLS]),
    "Agent",
    "Tools that the agent offers to the model.",
  ),
  mcpServers: documented(
    McpServers.default({}),
    "Agent",
    "MCP servers of the agent, by name: programs that it starts inside its sandbox (`command`, `args`, `env`), or servers that it reaches through the session's proxy, whose policy must allow their host (`type` `http` or `sse`, `url`, `headers`). They are in user data, which is no place for a secret: whoever may read launch templates or the machine reads them.",
  ),
  baseImage: documented(
    z.enum(["auto", "ubuntu-22.04", "debian-13-stand-in"]).default("auto"),
    "Local target",
    "Operating system's disk image. `auto`: Ubuntu 22.04's cloud image, or the Debian stand-in where Ubuntu's host cannot be reached.",
  ),
  accelerator: documented(
    z.enum(["auto", "kvm", "hvf", "tcg"]).default("auto"),
    "Local target",
    "What runs the machine's CPUs. `auto`: KVM or HVF when a probe shows that it works, else TCG (emulation).",
  ),
  boot: documented(
    z.enum(["uefi", "direct-kernel"]).default("uefi"),
    "Local target",
    "`uefi`: through the disk's own EFI partition, as the reference does. `direct-kernel`: a speed-up for tests that skips firmware and boot loader (stand-in image only); verification then reports row O4 as different.",
  ),
  sshPort: documented(
    wholeNumber(0, 65_535).default(0),
    "Local target",
    "Loopback port of this computer that leads to the machine's ssh. 0: a free port, chosen when the machine is made.",
  ),
  hostAccess: documented(
    z.array(hostService).default([]),
    "Local target",
    "TCP services of this computer and of its networks that the machine may reach, as `ADDRESS:PORT`; it reaches no others. `localhost:PORT` is this computer's loopback, which the machine dials at 10.0.2.2. Sessions reach none of them. A change restarts the machine.",
  ),
  stateDirectory: documented(
    z.string().default(""),
    "Local target",
    "Folder for disks, keys and logs of the machine. Empty: `.cloister/<stack>` in the project folder.",
  ),
  ...awsKeys,
});

/** The parsed configuration, before it is frozen. */
export type SettingsInput = z.infer<typeof settingsSchema>;
