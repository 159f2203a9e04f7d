// The pack, started before the engine asks for it (preview/policy/ahead.ts): `node ahead.cjs SOCKET`. The engine's language host
// starts the pack as always. That process (preload.cjs) connects to the socket, and prints what this one has to say: first the
// port, later errors. It is the engine's to end, and this process ends with it; without it, when its own input ends.
"use strict";
const fs = require("node:fs");
const net = require("node:net");
const { dirname } = require("node:path");
const { endCode, host } = require("./host.cjs");

const [, , socket] = process.argv;
require("node:v8").setFlagsFromString("--semi-space-growth-factor=16");

/** What was said before anybody listened. */
const said = [];
let listener;
let code;

function say(line) {
  if (listener) listener.write(`${JSON.stringify(line)}\n`);
  else said.push(line);
}

for (const [name, stream] of Object.entries({ out: process.stdout, err: process.stderr })) {
  stream.write = (chunk, encoding, done) => {
    say({ [name]: String(chunk) });
    const called = typeof encoding === "function" ? encoding : done;
    if (called) process.nextTick(called);
    return true;
  };
}

const server = net.createServer((connection) => {
  // One process is one engine's pack: the next one has to start its own.
  server.close();
  listener = connection;
  connection.on("error", () => process.exit());
  connection.on("close", () => process.exit());
  // It is read, so that its end is seen.
  connection.resume();
  for (const line of said.splice(0)) say(line);
  if (code !== undefined) connection.end(`${JSON.stringify({ code })}\n`);
  else connection.unref();
});
server.on("error", () => process.exit());
server.listen(socket);
server.unref();

// The terminal's Ctrl-C goes to all. The engine ends in order, and asks the pack until then.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

process.stdin.resume();
process.stdin.on("end", () => {
  if (!listener) process.exit();
});
process.stdin.unref?.();
process.on("exit", () => fs.rmSync(dirname(socket), { recursive: true, force: true }));

// A pack that serves never comes here.
process.once("beforeExit", () => {
  code = endCode(process.exitCode);
  if (listener) return listener.end(`${JSON.stringify({ code })}\n`);
  server.ref();
  process.stdin.ref?.();
});

host();
