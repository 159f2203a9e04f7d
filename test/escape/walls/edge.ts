import { createSocket } from "node:dgram";
import { createConnection, createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { execa } from "execa";
import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";
import type { Machine } from "../support/machine.ts";

/**
 * The control of all of it is on this computer: the services that the machine must not reach are there, and are reached from
 * here. What they were asked is counted here too: it is their word, not the machine's, that decides.
 */
interface Listener {
  readonly server: Server;
  readonly port: number;
  /** How many connections came. */
  count(): number;
}

const batch: Batch = {
  name: "edge",
  keeps:
    "The machine itself, root in it included, reaches nothing of the operator's computer and nothing of its local network.",
  checks: [
    {
      id: "loopback",
      source: "12",
      what: "Root in the machine connects to a service on the loopback of the operator's computer: by 10.0.2.2, the gateway, and every address that leads there.",
    },
    {
      id: "own-address",
      source: "12",
      what: "Root in the machine connects to the operator's computer by its addresses in its own networks.",
    },
    {
      id: "local-network",
      source: "12",
      what: "Root in the machine connects to what the operator's computer reaches in its local network: its gateway and name servers.",
    },
    {
      id: "by-name",
      source: "12",
      what: "Names that lead there: the host's own, localhost, host.containers.internal, and by the network's name server.",
    },
    {
      id: "other-protocols",
      source: "12",
      what: "UDP, ping and TFTP to the same places; and QEMU's own services at 10.0.2.3 and 10.0.2.4.",
    },
    {
      id: "ssh",
      source: "12",
      what: "The way in (this suite's own ssh) is open to loopback only: not to the computer's other addresses.",
    },
  ],
  async around(machine, run) {
    const [loopback, everywhere] = await Promise.all([listen("127.0.0.1"), listen("0.0.0.0")]);
    const [udp, udpEverywhere] = await Promise.all([listenUdp("127.0.0.1"), listenUdp("0.0.0.0")]);
    try {
      const addresses = ownAddresses();
      const neighbours = await reachable(await neighbourhood());
      const control = await Promise.all([
        reaches("127.0.0.1", loopback.port),
        ...addresses.map((address) => reaches(address, everywhere.port)),
      ]);
      const outward = await sshElsewhere(machine, addresses);
      const [before, beforeOwn] = [loopback.count(), everywhere.count()];
      const outcomes = await run({
        loopback: loopback.port,
        everywhere: everywhere.port,
        udpLoopback: udp.port,
        udpEverywhere: udpEverywhere.port,
        controlUdp: await answersUdp(udp.port),
        addresses,
        neighbours: neighbours.map(({ host, port }) => `${host} ${port}`),
        controlLoopback: control[0] ?? false,
        controlOwn: control.slice(1).every(Boolean) && addresses.length > 0,
        hostname: (await execa("hostname", { reject: false })).stdout.trim() || "localhost",
        sshElsewhere: outward.elsewhere,
        sshHere: outward.here,
      });
      const came = { loopback: loopback.count() - before, own: everywhere.count() - beforeOwn };
      return Object.fromEntries(
        Object.entries(outcomes).map(([id, outcome]) => {
          const { attack } = outcome;
          if (attack === undefined) return [id, outcome];
          const counted =
            id === "edge.loopback" || id === "edge.by-name" ? came.loopback : id === "edge.own-address" ? came.own : 0;
          const saw = `${attack.saw}; connections that came here: ${JSON.stringify(came)}`;
          return [id, { ...outcome, attack: { held: attack.held && counted === 0, saw } }];
        }),
      );
    } finally {
      loopback.server.close();
      everywhere.server.close();
      udp.close();
      udpEverywhere.close();
    }
  },
};

/** The machine's edge. */
export const edge: Wall = batchWall(batch);

async function listen(host: string): Promise<Listener> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.end("this computer\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server, port: address.port, count: () => connections };
}

/** A service of datagrams: answers each. */
async function listenUdp(host: string): Promise<{ readonly port: number; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (_text, { address, port }) => socket.send("this computer", port, address));
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  return { port: socket.address().port, close: () => socket.close() };
}

async function answersUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  return await new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(false), 2_000);
    socket.once("message", () => {
      clearTimeout(late);
      resolve(true);
    });
    socket.send("hello", port, "127.0.0.1");
  }).finally(() => socket.close());
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}

/** This computer's default gateway and name servers. */
async function neighbourhood(): Promise<{ host: string; port: number }[]> {
  const [routes, names] = await Promise.all([
    execa("sh", ["-c", "ip -4 route 2>/dev/null || netstat -rn"], { reject: false }),
    execa("cat", ["/etc/resolv.conf"], { reject: false }),
  ]);
  const gateways = [...routes.stdout.matchAll(/default(?: via)? +(\d+\.\d+\.\d+\.\d+)/g)].map(([, host = ""]) => host);
  const servers = [...names.stdout.matchAll(/^nameserver (\d+\.\d+\.\d+\.\d+)/gm)].map(([, host = ""]) => host);
  const hosts = [...new Set([...gateways, ...servers])].filter((host) => !host.startsWith("127."));
  return hosts.flatMap((host) => [22, 53, 80, 443].map((port) => ({ host, port })));
}

async function reachable<T extends { host: string; port: number }>(places: readonly T[]): Promise<T[]> {
  const open = await Promise.all(places.map(({ host, port }) => reaches(host, port)));
  return places.filter((_, index) => open[index]);
}

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 2_000 });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}

/** Where the machine's ssh answers: at loopback, and at other addresses of this computer. */
async function sshElsewhere(
  machine: Machine,
  addresses: readonly string[],
): Promise<{ here: number; elsewhere: boolean }> {
  // iproute2's list, or that of the BSDs and macOS: every port that something listens on at loopback.
  const list = "ss -Hltn 2>/dev/null || netstat -an -p tcp";
  const ports = await execa("sh", ["-c", list], { reject: false });
  const loopback = [...ports.stdout.matchAll(/(?<=\s)127\.0\.0\.1[:.](\d+)(?=\s)/g)].map(([, port]) => Number(port));
  await machine.root(["true"]);
  const answers = async (address: string) => {
    const said = await Promise.all([...new Set(loopback)].map((port) => banner(address, port)));
    return said.filter((text) => text.startsWith("SSH-2.0")).length;
  };
  const elsewhere = await Promise.all(addresses.map(answers));
  return { here: await answers("127.0.0.1"), elsewhere: elsewhere.some((count) => count > 0) };
}

function banner(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 2_000 });
    const end = (text: string) => {
      socket.destroy();
      resolve(text);
    };
    socket.once("data", (data: Buffer) => end(data.toString("latin1")));
    socket.once("error", () => end(""));
    socket.once("timeout", () => end(""));
    // One that closes without a word.
    socket.once("close", () => end(""));
  });
}
