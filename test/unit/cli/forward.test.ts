import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { parseForward, startForward, whereItIs } from "../../../cli/commands/forward.ts";
import type { Transport } from "../../../cli/transport.ts";
import { standInPrograms, transportHere, waysHere } from "../../support/operator/here.ts";

/** Stands in for the machine's program: it dials this computer instead of a session. */
const DIAL = `
import os, socket, sys, threading
if len(sys.argv) == 2:
    sys.exit("cloister: nothing runs in the session \\x1b[2Jgone" if sys.argv[1] == "gone" else 0)
with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as there:
    def out():
        while data := os.read(0, 65536):
            there.sendall(data)
        there.shutdown(socket.SHUT_WR)
    threading.Thread(target=out, daemon=True).start()
    while data := there.recv(65536):
        os.write(1, data)
`;

describe("cloister forward", function () {
  this.timeout(60_000);
  this.slow(5_000);
  let programs: Awaited<ReturnType<typeof standInPrograms>>;
  let machine: Transport;
  const open: Server[] = [];
  before(async () => {
    programs = await standInPrograms();
    machine = transportHere(waysHere(() => programs.env).pipes);
  });
  after(() => programs.remove());
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });
  const dial = ["python3", "-c", DIAL];
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  const listen = async (): Promise<Server> => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let said = "";
      socket.setEncoding("utf8").on("data", (part: string) => {
        said += part;
      });
      socket.on("end", () => socket.end(said.toUpperCase()));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push(server);
    return server;
  };

  it("names an address for browsers that no other program of this computer has, nor another session", () => {
    const hosts = ["web", "calm-tu"].map((session) => {
      const [url = ""] = /^http:\S+/.exec(whereItIs({ session, port: 80, local: 8080 }, 8080)) ?? [];
      return new URL(url).host;
    });
    assert.deepEqual(hosts, ["web.localhost:8080", "calm-tu.localhost:8080"]);
  });

  it("carries connections both ways, several at once, by the loopback alone", async () => {
    const there = await listen();
    const told: string[] = [];
    const here = await startForward(
      machine,
      { session: "calm-tu", port: portOf(there), local: 0 },
      (line) => told.push(line),
      dial,
    );
    open.push(here);
    assert.equal((here.address() as AddressInfo).address, "127.0.0.1");
    const ask = async (word: string): Promise<string> => {
      const socket = connect({ port: portOf(here), host: "127.0.0.1", allowHalfOpen: true });
      socket.end(word);
      return await text(socket);
    };
    const long = "x".repeat(300_000);
    const answers = await Promise.all([ask("one"), ask("two"), ask(long)]);
    assert.deepEqual(told, []);
    assert.deepEqual(answers, ["ONE", "TWO", long.toUpperCase()]);
    assert.deepEqual(told, []);
  });

  it("says why a connection fails, and a session that does not run, harmless for a terminal", async () => {
    const there = await listen();
    const port = portOf(there);
    there.close();
    const told: string[] = [];
    const here = await startForward(machine, { session: "calm-tu", port, local: 0 }, (line) => told.push(line), dial);
    open.push(here);
    const socket = connect(portOf(here), "127.0.0.1");
    assert.equal(await text(socket), "");
    for (let i = 0; i < 200 && told.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.match(told.join(), /Connection refused/);
    const gone = startForward(machine, { session: "gone", port, local: 0 }, () => {}, dial);
    await assert.rejects(gone, /nothing runs in the session \\x1b\[2Jgone/);
  });

  it("says that the port here is taken", async () => {
    const there = await listen();
    const port = portOf(there);
    await assert.rejects(
      startForward(machine, { session: "calm-tu", port, local: port }, () => {}, dial),
      /cannot be used/,
    );
  });

  it("reads its ports", () => {
    assert.deepEqual(parseForward("calm-tu", "8080"), { session: "calm-tu", port: 8080, local: 8080 });
    assert.deepEqual(parseForward("calm-tu", "8080:0"), { session: "calm-tu", port: 8080, local: 0 });
    for (const wrong of ["", "0", "65536", "1:65536", "a", "1:2:3", "-1", "127.0.0.1:80"])
      assert.throws(() => parseForward("calm-tu", wrong), /write PORT/, wrong);
    assert.throws(() => parseForward("../x", "80"), /lower-case/);
  });
});
