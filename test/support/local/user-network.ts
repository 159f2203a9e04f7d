import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { networkArguments, userNetwork } from "../../../infra/local/network/arguments.ts";
import { hostServices } from "../../../infra/local/network/host-access.ts";
import type { MachineRuns, RunMachine } from "../../../infra/local/network/main.ts";
import { type Paths, pathsIn } from "../../../infra/local/paths.ts";
import { hostArchitecture, qemuProgram } from "../../../infra/local/qemu.ts";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

/**
 * A computer, its local network and an internet, each a network namespace; and a "machine" in a fourth: a Linux network
 * stack behind a QEMU that runs no machine at all, but the real user network and the real packet filter, in the computer's
 * namespace. So no address outside these namespaces is ever contacted. Needs root.
 */
export const ADDRESSES = {
  /** The computer's own: in its private network, and in one with public addresses. */
  host: { lan: "192.168.77.1", public: "198.51.100.1", public6: "2001:db8:1::1", lan6: "fd77::1" },
  neighbour: { lan: "192.168.77.2", lan6: "fd77::2", public: "198.51.100.254", public6: "2001:db8:1::fe" },
  internet: { ipv4: "203.0.113.80", ipv6: "2001:db8:2::80" },
  /** Address of the computer's name server. */
  dns: "127.0.0.53",
} as const;

/** Port on which each listener of the tests listens. */
export const PORT = 8080;

const SSH_PORT = 22_022;

type Place = "host" | "lan" | "internet" | "machine";

export class UserNetwork {
  readonly folder: string;
  readonly paths: Paths;
  readonly sshPort = SSH_PORT;
  readonly #names: Readonly<Record<Place, string>>;
  readonly #processes = new Set<ChildProcess>();
  #filter: ChildProcess | undefined;
  #qemu: number | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.paths = pathsIn(folder);
    const name = (place: Place): string => `cloister-${process.pid}-${place}`;
    this.#names = { host: name("host"), lan: name("lan"), internet: name("internet"), machine: name("machine") };
  }

  /** Makes the namespaces and what connects them. */
  static async create(): Promise<UserNetwork> {
    const made = new UserNetwork(await mkdtemp(join(tmpdir(), "cloister-network-")));
    try {
      await made.#make();
    } catch (error) {
      await made.dispose();
      throw error;
    }
    return made;
  }

  async #make(): Promise<void> {
    const { host, lan, internet } = this.#names;
    for (const name of Object.values(this.#names)) {
      await execa("ip", ["netns", "add", name]);
      await execa("ip", ["-n", name, "link", "set", "lo", "up"]);
    }
    const { host: h, neighbour: n, internet: i } = ADDRESSES;
    await this.#connect("lan0", lan, [`${h.lan}/24`, `${h.lan6}/64`], [`${n.lan}/24`, `${n.lan6}/64`]);
    await this.#connect("up0", internet, [`${h.public}/24`, `${h.public6}/64`], [`${n.public}/24`, `${n.public6}/64`]);
    for (const address of [`${i.ipv4}/32`, `${i.ipv6}/128`])
      await execa("ip", ["-n", internet, "address", "add", address, "dev", "lo", ...nodad(address)]);
    await execa("ip", ["-n", host, "route", "add", "default", "via", n.public]);
    await execa("ip", ["-n", host, "-6", "route", "add", "default", "via", n.public6]);
    // The user network asks the name server that the computer's own settings name.
    await writeFile(join(this.folder, "resolv.conf"), `nameserver ${ADDRESSES.dns}\n`);
  }

  async #connect(device: string, other: string, ours: readonly string[], theirs: readonly string[]): Promise<void> {
    const { host } = this.#names;
    await execa("ip", ["-n", host, "link", "add", device, "type", "veth", "peer", "name", device, "netns", other]);
    for (const [name, addresses] of [
      [host, ours],
      [other, theirs],
    ] as const) {
      for (const address of addresses)
        await execa("ip", ["-n", name, "address", "add", address, "dev", device, ...nodad(address)]);
      await execa("ip", ["-n", name, "link", "set", device, "up"]);
    }
  }

  /** Starts the machine's side; without a filter where that shall show what the user network does by itself. */
  async start({ hostAccess = [], filtered = true }: { hostAccess?: string[]; filtered?: boolean }): Promise<void> {
    const start = "a-test";
    await writeFile(this.paths.process, JSON.stringify({ start }));
    const network = filtered ? networkArguments(SSH_PORT) : userNetwork(SSH_PORT);
    const args = [
      ...["-name", this.paths.marker, "-pidfile", this.paths.pid, "-M", "none", "-display", "none"],
      ...["-nodefaults", "-no-user-config", ...network],
      ...["-netdev", `tap,id=machine,ifname=${TAP},script=no,downscript=no`],
      ...["-netdev", "hubport,id=one,hubid=0,netdev=net", "-netdev", "hubport,id=other,hubid=0,netdev=machine"],
    ];
    const inHost = ["netns", "exec", this.#names.host, "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"'];
    const program = [process.execPath, "lib/run-bundled.cjs", "infra/local/network/main.ts"];
    const filter = spawn("ip", [...inHost, join(this.folder, "resolv.conf"), ...program, this.paths.filterMarker], {
      cwd: REPOSITORY,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#filter = filter;
    const services = hostServices(hostAccess);
    const { paths } = this;
    const message: RunMachine = { program: qemuProgram(hostArchitecture()), args, services, start, paths };
    filter.stdin.end(JSON.stringify(message));
    const [said] = await once(filter.stdout, "data");
    this.#qemu = (JSON.parse(String(said)) as MachineRuns).pid;
    await this.#plug();
  }

  /** Gives the machine its side of QEMU's network. */
  async #plug(): Promise<void> {
    const { host, machine } = this.#names;
    for (let i = 0; (await execa("ip", ["-n", host, "link", "show", TAP], { reject: false })).failed; i += 1) {
      if (i > 200) throw new Error("QEMU made no device");
      await sleep(100);
    }
    await execa("ip", ["-n", host, "link", "set", TAP, "netns", machine]);
    for (const address of ["10.0.2.15/24", "fec0::15/64"])
      await execa("ip", ["-n", machine, "address", "add", address, "dev", TAP, ...nodad(address)]);
    await execa("ip", ["-n", machine, "link", "set", TAP, "up"]);
    await execa("ip", ["-n", machine, "route", "add", "default", "via", "10.0.2.2"]);
    await execa("ip", ["-n", machine, "-6", "route", "add", "default", "via", "fec0::2"]);
  }

  /** The two processes: the filter, and QEMU. */
  get processes(): { readonly filter: number; readonly qemu: number } {
    const filter = this.#filter?.pid;
    if (filter === undefined || this.#qemu === undefined) throw new Error("not started");
    return { filter, qemu: this.#qemu };
  }

  /** Ends the machine's side. */
  async stop(): Promise<void> {
    const filter = this.#filter;
    this.#filter = undefined;
    if (!filter || filter.exitCode !== null || filter.signalCode !== null) return;
    const ended = once(filter, "exit");
    filter.kill("SIGTERM");
    await ended;
  }

  /** Listens: says `word` to whoever connects by TCP, and sends back what comes by UDP. */
  async listen(place: Place, address: string, port: number, word: string): Promise<void> {
    const { family, bind } = socatAddress(address);
    const commands = [
      [`TCP${family}-LISTEN:${port},bind=${bind},fork,reuseaddr`, `SYSTEM:echo ${word}`],
      [`UDP${family}-RECVFROM:${port},bind=${bind},fork,reuseaddr`, "EXEC:cat"],
    ];
    for (const command of commands) {
      const args = ["netns", "exec", this.#names[place], "socat", ...command];
      this.#processes.add(spawn("ip", args, { stdio: "ignore" }));
    }
    for (let i = 0; (await this.dial(place, address, port)) !== word; i += 1) {
      if (i > 50) throw new Error(`nothing listens on ${address} port ${port}`);
      await sleep(100);
    }
  }

  /** A listener's answer to a connection from this place; nothing when it is not reached within three seconds. */
  async dial(from: Place, address: string, port: number): Promise<string | undefined> {
    const { family, bind } = socatAddress(address);
    return await this.#socat(from, `TCP${family}:${bind}:${port},connect-timeout=3`, "");
  }

  /** The same by UDP: what comes back of a word that is sent. */
  async send(from: Place, address: string, port: number, word: string): Promise<string | undefined> {
    const { family, bind } = socatAddress(address);
    return await this.#socat(from, `UDP${family}:${bind}:${port}`, word);
  }

  async #socat(from: Place, to: string, input: string): Promise<string | undefined> {
    const args = ["netns", "exec", this.#names[from], "socat", "-t2", "-T4", "-", to];
    const { stdout } = await execa("ip", args, { input, reject: false });
    return stdout.trim() || undefined;
  }

  /** Takes everything away. */
  async dispose(): Promise<void> {
    await this.stop();
    for (const child of this.#processes) child.kill("SIGTERM");
    for (const name of Object.values(this.#names)) await execa("ip", ["netns", "delete", name], { reject: false });
    await rm(this.folder, { recursive: true, force: true });
  }
}

const TAP = "machine0";

/** IPv6 addresses are usable at once. */
const nodad = (address: string): string[] => (address.includes(":") ? ["nodad"] : []);

function socatAddress(address: string): { readonly family: 4 | 6; readonly bind: string } {
  return address.includes(":") ? { family: 6, bind: `[${address}]` } : { family: 4, bind: address };
}
