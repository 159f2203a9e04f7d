import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import type { Clients } from "./cache.ts";

/** Ports of the servers that speak other protocols than HTTP, all on this computer's loopback. */
export interface OtherServers {
  readonly grpc: number;
  readonly websocket: number;
  readonly websocketTls: number;
  readonly ssh: number;
  readonly rsync: number;
  stop(): void;
}

const GRPC = `
import sys, grpc
from concurrent import futures
key, cert = (open(f"{sys.argv[1]}/{name}.pem", "rb").read() for name in ("key", "cert"))
handler = grpc.method_handlers_generic_handler("mark.Mark", {
    "Ask": grpc.unary_unary_rpc_method_handler(lambda request, context: b"hello"),
})
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((handler,))
print(server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)])), flush=True)
server.start()
server.wait_for_termination()
`;

const WEBSOCKET = `
const { createServer } = require(process.argv[1] === "tls" ? "node:https" : "node:http");
const { readFileSync } = require("node:fs");
const { WebSocketServer } = require(process.argv[2]);
const [key, cert] = ["key", "cert"].map((name) => readFileSync(process.argv[3] + "/" + name + ".pem"));
const server = createServer({ key, cert });
new WebSocketServer({ server }).on("connection", (socket) => socket.on("message", () => socket.send("hello")));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** @param folder the folder of the certificate, the repository and the files */
export async function startOthers(clients: Clients, folder: string): Promise<OtherServers> {
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[], env = {}) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
    children.push(child);
    return child;
  };
  const tells = async (child: ChildProcess) => {
    const [line] = await once(createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }), "line");
    return Number(line);
  };
  const websocket = (kind: string) =>
    tells(start(process.execPath, ["-e", WEBSOCKET, "--", kind, join(clients.npm, "ws"), folder]));
  const [grpc, plain, tls, ssh, rsync] = await Promise.all([
    tells(start("/usr/bin/python3", ["-c", GRPC, folder], { PYTHONPATH: clients.python })),
    websocket("plain"),
    websocket("tls"),
    freePort(),
    freePort(),
  ]);
  await writeFile(
    join(folder, "rsyncd.conf"),
    `use chroot = no\naddress = 127.0.0.1\n[files]\npath = ${join(folder, "www")}\nread only = yes\n`,
  );
  const configuration = ["--no-detach", `--config=${join(folder, "rsyncd.conf")}`, `--port=${rsync}`];
  start("rsync", ["--daemon", ...configuration]);
  await startSshd(folder, ssh, (args) => start("/usr/sbin/sshd", args));
  await Promise.all([ssh, rsync].map(listening));
  return {
    ...{ grpc, websocket: plain, websocketTls: tls, ssh, rsync },
    stop: () => {
      for (const child of children) child.kill();
    },
  };
}

async function startSshd(folder: string, port: number, start: (args: readonly string[]) => void): Promise<void> {
  for (const name of ["host", "user"]) {
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  }
  await mkdir("/run/sshd", { recursive: true });
  const settings = [
    "ListenAddress 127.0.0.1",
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${join(folder, "user.pub")}`,
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    "PermitRootLogin prohibit-password",
    "Subsystem sftp internal-sftp",
  ];
  await writeFile(join(folder, "sshd_config"), `${settings.join("\n")}\n`);
  start(["-D", "-e", "-q", "-f", join(folder, "sshd_config"), "-p", String(port)]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function listening(port: number): Promise<void> {
  await execa("bash", ["-c", `for _ in {1..100}; do : < /dev/tcp/127.0.0.1/${port} && exit; sleep 0.1; done; exit 1`]);
}
