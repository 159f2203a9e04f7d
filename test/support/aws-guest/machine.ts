/**
 * Stands in for an EC2 instance: a QEMU machine that boots user data of the AWS target. It differs: cloud-init gets the
 * user data from a NoCloud disk instead of the metadata service; NVMe disks have no vendor-specific data, so EC2's device
 * name is not in them; the base image and the architecture are those of the local target. `vendor-data` (a script that runs
 * before the user data) leads the fixed address of the metadata service, and the services by the SDKs' own variables, to
 * this computer's stand-in, and gives the test a key for ssh.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, copyFile, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { renderMetaData } from "../../../cloud-init/render.ts";
import { ensureBaseImage } from "../../../images/base/index.ts";
import { chooseAccelerator } from "../../../infra/local/host/accelerator.ts";
import { findFirmware } from "../../../infra/local/host/firmware.ts";
import { livingProcess } from "../../../infra/local/host/living.ts";
import { choosePort } from "../../../infra/local/host/port.ts";
import { stopMachine } from "../../../infra/local/host/process.ts";
import { guardStart, type StartGuard } from "../../../infra/local/host/start-guard.ts";
import { launch } from "../../../infra/local/network/launch.ts";
import { type Paths, pathsIn } from "../../../infra/local/paths.ts";
import { hostArchitecture } from "../../../infra/local/qemu.ts";
import { shellQuoted } from "../../../infra/local/ssh.ts";
import { EMULATION_FAULTS } from "../../../infra/local/steps/machine.ts";
import { stopped } from "../../../rehearsal/signals.ts";

/** A disk of the machine: blank and sparse, or a file that is there already. */
export interface TestDisk {
  readonly file: string;
  readonly serial: string;
}

export interface AwsMachineOptions {
  /** A folder of the machine's own; it keeps its disks there. */
  readonly folder: string;
  /** gzip-compressed, as EC2 would get it. */
  readonly userData: Buffer;
  /** Port of the stand-in on this computer's loopback. */
  readonly port: number;
  /** Further environment of cloister's units, beside the services' addresses. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Disks that the kernel finds before the root disk. */
  readonly before?: readonly TestDisk[];
  readonly report: (line: string) => void;
}

/** Where the user network shows this computer's loopback: of that, the machine reaches the stand-in's port. */
const HOST = "10.0.2.2";

export class AwsMachine {
  readonly paths: Paths;
  readonly #options: AwsMachineOptions;
  #guard: StartGuard | undefined;
  /** How much of the console was told. */
  #told = 0;

  constructor(options: AwsMachineOptions) {
    this.#options = options;
    this.paths = pathsIn(options.folder);
  }

  /**
   * Makes the machine and waits until its console shows something. A start that fell over the emulation is made again, with
   * a new root disk.
   */
  async start(until: RegExp, withinMs: number): Promise<void> {
    await this.#prepare();
    for (let attempt = 1; ; attempt += 1) {
      await this.#launch();
      try {
        await this.console(until, withinMs);
        return;
      } catch (error) {
        const fault = EMULATION_FAULTS.exec(await this.consoleText())?.[0];
        await this.stop(0);
        if (fault === undefined || attempt === 3) throw error;
        this.#options.report(`the kernel fell over a fault of the emulation (${fault}): starting again`);
      }
    }
  }

  async consoleText(): Promise<string> {
    return await readFile(this.paths.console, "utf8").catch(() => "");
  }

  /** Waits until the console shows something. Lines of cloister's are told as they come. */
  async console(wanted: RegExp, withinMs: number): Promise<string> {
    const begun = Date.now();
    for (; ; await sleep(250)) {
      stopped.throwIfAborted();
      const text = await this.consoleText();
      for (const line of text.slice(this.#told).split(/(?<=\n)/)) {
        if (!line.endsWith("\n")) break;
        this.#told += line.length;
        const seconds = String(Math.round((Date.now() - begun) / 1000)).padStart(4);
        if (/cloister: (?!report )/.test(line))
          this.#options.report(`${seconds} s  ${line.slice(line.indexOf("cloister: ")).trim()}`);
      }
      const found = wanted.exec(text);
      if (found) return found[0];
      const why = !livingProcess(this.paths)
        ? "QEMU ended"
        : EMULATION_FAULTS.test(text)
          ? "the kernel fell over"
          : Date.now() - begun > withinMs
            ? `nothing came in ${withinMs / 1000} s`
            : undefined;
      if (why)
        throw new Error(`waiting for ${wanted} on the console: ${why}:\n${text.split("\n").slice(-40).join("\n")}`);
    }
  }

  /** Runs a command on the machine, as root. */
  async run(...command: string[]) {
    stopped.throwIfAborted();
    const { sshPort } = livingProcess(this.paths) ?? { sshPort: 0 };
    if (sshPort === 0) throw new Error("the machine does not run");
    const options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    return await execa(
      "ssh",
      [
        ...["-F", "none", "-i", this.paths.sshKey, "-p", String(sshPort), "-o", "ConnectTimeout=60"],
        ...options.flatMap((option) => ["-o", option]),
        "root@127.0.0.1",
        command.map(shellQuoted).join(" "),
      ],
      { reject: false, stdin: "ignore", timeout: 300_000 },
    );
  }

  /** Attaches a disk to the running machine, as EC2 attaches a volume. */
  async attach({ file, serial }: TestDisk): Promise<void> {
    const node = { "node-name": "late", driver: "qcow2", file: { driver: "file", filename: file } };
    await this.#qmp([
      { execute: "blockdev-add", arguments: node },
      { execute: "device_add", arguments: { driver: "nvme", id: "late", drive: "late", serial, bus: "late-port" } },
    ]);
  }

  async stop(graceMs = 20_000): Promise<void> {
    await stopMachine(this.paths, graceMs);
    this.#guard?.dismiss();
    this.#guard = undefined;
  }

  async #prepare(): Promise<void> {
    const { folder, userData, port, environment = {} } = this.#options;
    await mkdir(dirname(this.paths.sshKey), { recursive: true, mode: 0o700 });
    if (!existsSync(this.paths.sshKey)) {
      await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", this.paths.sshKey]);
    }
    const key = (await readFile(`${this.paths.sshKey}.pub`, "utf8")).trim();
    const seed = join(folder, "seed");
    await mkdir(seed, { recursive: true });
    await writeFile(join(seed, "user-data"), userData);
    await writeFile(join(seed, "meta-data"), renderMetaData(`i-${Date.now()}`, "ip-10-20-0-10"));
    await writeFile(join(seed, "vendor-data"), vendorData(key, port, environment));
    const files = ["user-data", "meta-data", "vendor-data"].map((name) => join(seed, name));
    await execa("xorriso", ["-as", "mkisofs", "-quiet", "-V", "CIDATA", "-J", "-r", "-o", this.paths.seed, ...files]);
  }

  async #launch(): Promise<void> {
    const { paths } = this;
    const { report, before = [], port } = this.#options;
    const architecture = hostArchitecture();
    const image = await ensureBaseImage({ arch: architecture, choice: "auto", report });
    const backing = ["-b", image.path, "-F", "qcow2"];
    await execa("qemu-img", ["create", "-q", "-f", "qcow2", ...backing, paths.rootDisk, "10G"]);
    const firmware = findFirmware(architecture);
    if (!firmware) throw new Error(`no UEFI firmware for ${architecture}`);
    const { accelerator } = await chooseAccelerator("auto", architecture, firmware);
    const sshPort = await choosePort(0, paths.root);
    await copyFile(firmware.variables, paths.firmwareVariables);
    await mkdir(dirname(paths.control), { recursive: true, mode: 0o700 });
    await writeFile(paths.console, "");
    this.#told = 0;
    this.#guard = guardStart(paths);
    const log = await open(paths.qemuLog, "w");
    const { pid } = await launch({
      spec: { architecture, accelerator, cpus: 4, memoryMiB: 6144, sshPort, firmware },
      paths,
      hostAccess: [`localhost:${port}`],
      start: this.#guard.start,
      log: log.fd,
      changeArguments: (all) => withDisks(all, before),
    }).finally(() => log.close());
    // For one who reads the console of a machine that was started more than once.
    await appendFile(join(paths.root, "starts"), `${new Date().toISOString()} ${pid}\n`);
  }

  async #qmp(commands: readonly object[]): Promise<void> {
    const connection = createConnection(this.paths.control);
    try {
      await once(connection, "connect");
      const lines = createInterface({ input: connection })[Symbol.asyncIterator]();
      await lines.next();
      for (const command of [{ execute: "qmp_capabilities" }, ...commands]) {
        connection.write(`${JSON.stringify(command)}\n`);
        for (;;) {
          const answer = JSON.parse((await lines.next()).value as string) as {
            return?: unknown;
            error?: { desc: string };
          };
          if (answer.error) throw new Error(`QEMU: ${answer.error.desc}`);
          if ("return" in answer) break;
        }
      }
    } finally {
      connection.destroy();
    }
  }
}

/**
 * The local target's command line without its runtime and session disk: AWS attaches none for the first, and the second
 * comes as it will. A port that a disk can be plugged into while the machine runs is added.
 */
function withDisks(all: readonly string[], before: readonly TestDisk[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < all.length; i += 2) {
    const [name = "", value = ""] = [all[i], all[i + 1]];
    const drive =
      /(?:^|,)(?:id|drive)=(runtime|session)(?:,|$)/.test(value) && (name === "-drive" || name === "-device");
    if (!drive) {
      if (value.startsWith("if=none,id=root,")) {
        for (const [n, { file, serial }] of before.entries()) {
          kept.push("-drive", `if=none,id=before${n},format=qcow2,file=${file}`);
          kept.push("-device", `nvme,drive=before${n},serial=${serial}`);
        }
      }
      kept.push(name, value);
    }
  }
  return [...kept, "-device", "pcie-root-port,id=late-port,chassis=9,slot=9"];
}

function vendorData(key: string, port: number, environment: Readonly<Record<string, string>>): string {
  const endpoint = `http://${HOST}:${port}`;
  const variables = {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ENDPOINT_URL_AUTO_SCALING: endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: endpoint,
    ...environment,
  };
  const lines = Object.entries(variables).map(([name, value]) => `Environment=${name}=${value}`);
  return `#cloud-boothook
#!/bin/sh
mkdir -p /root/.ssh && chmod 700 /root/.ssh
echo '${key}' >/root/.ssh/authorized_keys
for unit in boot aws logs; do
  mkdir -p /etc/systemd/system/cloister-$unit.service.d
  printf '%s\\n' '[Service]' ${lines.map((line) => `'${line}'`).join(" ")} \\
    >/etc/systemd/system/cloister-$unit.service.d/stand-in.conf
done
ip address add 169.254.169.254/32 dev lo
systemd-run --quiet --no-block --unit=stand-in-metadata --property=Restart=always \\
  socat TCP-LISTEN:80,bind=169.254.169.254,fork,reuseaddr TCP:${HOST}:${port}
`;
}
