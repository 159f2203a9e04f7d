import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { parse, stringify } from "yaml";
import { BOOT_FILE, bootEnvironment, bootVariables } from "../contract/boot-environment.ts";
import { MACHINE_FILE, type MachineInput, parseMachine } from "../contract/machine.ts";

/** EC2's limit for user data, in bytes before base64 (AWS SDK, `RunInstances`, `UserData`). The same limit holds for every target. */
export const USER_DATA_LIMIT = 16_384;

/** Everything that differs from machine to machine. None of it may be secret: user data can be read by anyone on the machine. */
export interface UserDataInput {
  /** Host name, RFC 1123. */
  readonly hostname: string;
  /** Public keys that may log in as `operator`, in the format of authorized_keys; none on targets without ssh. */
  readonly operatorKeys: readonly string[];
  /** Certificate authorities in PEM, one after the other, that the machine and its sessions trust. Default: none. */
  readonly certificateAuthorities?: string;
  /** Address of the mirror of the distribution's packages. Default: those of the image. */
  readonly aptMirror?: string;
  /** The guest's description of its machine: becomes /etc/cloister/machine.json. */
  readonly machine: MachineInput;
}

/** User data, ready to hand over. */
export interface UserData {
  /** The cloud-config document. */
  readonly text: string;
  /** The same, gzip-compressed and identical for identical text on every computer: what the machine gets. */
  readonly gzip: Buffer;
}

/** User data that no machine would accept. The message says what takes the room. */
export class UserDataTooLargeError extends Error {
  constructor(bytes: number, breakdown: readonly (readonly [part: string, bytes: number])[]) {
    const lines = breakdown.map(([part, size]) => `  ${String(size).padStart(6)} bytes  ${part}`);
    super(
      `user data is ${bytes} bytes after compression; machines accept at most ${USER_DATA_LIMIT}. What takes the room ` +
        `(bytes saved without it):\n${lines.join("\n")}\nMake the largest part smaller.`,
    );
    this.name = "UserDataTooLargeError";
  }
}

/** Certificate authorities, for the boot (guest/boot/authorities.sh). */
const AUTHORITIES_FILE = "/etc/cloister/authorities.pem";

interface WriteFile {
  path: string;
  permissions: string;
  content?: string;
}

type CloudConfig = Record<string, unknown> & {
  users: Record<string, unknown>[];
  write_files: WriteFile[];
};

/**
 * Renders the cloud-config of a machine (cloud-init, "User-data formats").
 *
 * @throws UserDataTooLargeError above {@link USER_DATA_LIMIT}
 */
export function renderUserData(input: UserDataInput): UserData {
  const config = cloudConfig(input);
  const text = toText(config);
  const gzip = compress(text);
  if (gzip.length > USER_DATA_LIMIT) throw new UserDataTooLargeError(gzip.length, breakdown(config, gzip.length));
  return { text, gzip };
}

/** NoCloud's meta-data. A new instance id makes cloud-init treat the machine as new. */
export function renderMetaData(instanceId: string, hostname: string): string {
  return stringify({ "instance-id": instanceId, "local-hostname": hostname });
}

function cloudConfig(input: UserDataInput): CloudConfig {
  const machine = parseMachine(input.machine, "the rendered machine.json");
  const config = parse(read("user-data.yaml")) as CloudConfig;
  config["hostname"] = input.hostname;
  if (input.aptMirror !== undefined) config["apt"] = aptConfig(input.aptMirror);
  for (const user of config.users) user["ssh_authorized_keys"] = [...input.operatorKeys];
  const source = machine.runtime.source;
  const contents: Record<string, string> = {
    [MACHINE_FILE]: `${JSON.stringify(input.machine)}\n`,
    [BOOT_FILE]: bootEnvironment(bootVariables(machine)),
    ...(source ? { "/usr/local/lib/cloister/fetch": withoutComments(read("files/fetch.py")) } : {}),
    ...(input.certificateAuthorities ? { [AUTHORITIES_FILE]: input.certificateAuthorities } : {}),
    "/usr/local/lib/cloister/boot": withoutComments(read("files/boot.sh")),
    "/etc/systemd/system/cloister-boot.service": withoutComments(read("files/cloister-boot.service")),
  };
  if (source) config.write_files.push({ path: "/usr/local/lib/cloister/fetch", permissions: "0755" });
  if (input.certificateAuthorities) config.write_files.push({ path: AUTHORITIES_FILE, permissions: "0644" });
  for (const file of config.write_files) {
    const content = contents[file.path];
    if (content === undefined) throw new Error(`cloud-init/user-data.yaml: nothing to write to ${file.path}`);
    file.content = content;
  }
  return config;
}

/** Security updates come from the same mirror: each has them, and all are signed (cloud-init, "Apt Configure"). */
function aptConfig(uri: string): object {
  const mirror = [{ arches: ["default"], uri }];
  return { primary: mirror, security: mirror };
}

function toText(config: object): string {
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}

/**
 * The same bytes on every computer: Node stamps the operating system into gzip's header (RFC 1952, 2.3.1); 255 is
 * "unknown".
 */
export function compress(text: string): Buffer {
  const gzip = gzipSync(text, { level: 9 });
  gzip[9] = 255;
  return gzip;
}

/** Bytes that each part adds, largest first. */
function breakdown(config: CloudConfig, total: number): [string, number][] {
  const without = (part: string, smaller: object): [string, number] => [part, total - compress(toText(smaller)).length];
  const parts = [
    ...config.write_files.map((file) =>
      without(file.path, { ...config, write_files: config.write_files.filter((other) => other !== file) }),
    ),
    without("operator's ssh keys", {
      ...config,
      users: config.users.map((user) => ({ ...user, ssh_authorized_keys: [] })),
    }),
  ];
  return parts.sort((a, b) => b[1] - a[1]);
}

/** Comments are for readers of this repository; the machine need not carry them. The first line (#!) stays. */
function withoutComments(text: string): string {
  return text.replace(/\n[ \t]*#[^\n]*/g, "");
}

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");
}
