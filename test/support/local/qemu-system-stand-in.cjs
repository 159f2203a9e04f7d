#!/usr/bin/env node
// Stands in for QEMU in tests of the local stack's life cycle, where no machine need run. It differs: it takes the same
// command line, writes the process number, answers on the control socket, listens on the ssh port and says on the serial
// console what CLOISTER_TEST_CONSOLE holds (default: the report in the file CLOISTER_TEST_REPORT, and whether that is
// good); it runs nothing.
const fs = require("node:fs");
const net = require("node:net");
const zlib = require("node:zlib");

const args = process.argv.slice(2);
const after = (option) => args.flatMap((arg, i) => (arg === option ? [args[i + 1]] : []));
const option = (text, name) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(text ?? "")?.[1];

// What this QEMU can do: all that is needed, but what CLOISTER_TEST_QEMU_LACKS names.
if (after("-netdev")[0] === "help" || after("-object")[0] === "help") {
  const names = ["user", "filter-redirector"].filter((name) => name !== process.env.CLOISTER_TEST_QEMU_LACKS);
  console.log(names.map((name) => `  ${name}`).join("\n"));
  process.exit(0);
}

if (args.includes("-version")) process.exit(process.env.CLOISTER_TEST_QEMU_LACKS === "sandbox" ? 1 : 0);

const files = after("-drive").map((drive) => option(drive, "file"));
for (const file of files) {
  if (!fs.existsSync(file)) {
    console.error(`qemu-system-stand-in: Could not open '${file}': No such file or directory`);
    process.exit(1);
  }
}
const pidFile = after("-pidfile")[0];
const control = /^unix:([^,]*)/.exec(after("-qmp")[0])[1];
const consoleFile = option(after("-chardev")[0], "path");
const port = Number(/hostfwd=tcp:127\.0\.0\.1:(\d+)-/.exec(after("-netdev")[0])[1]);

const end = () => {
  fs.rmSync(pidFile, { force: true });
  process.exit(0);
};
process.on("SIGTERM", end);

fs.rmSync(control, { force: true });
net
  .createServer((client) => {
    client.write('{"QMP": {"version": {}}}\n');
    client.on("data", (data) => {
      for (const line of data.toString().split("\n").filter(Boolean)) {
        const { execute } = JSON.parse(line);
        client.write('{"return": {}}\n');
        if (execute === "system_powerdown" || execute === "quit") setTimeout(end, 100);
      }
    });
    client.on("error", () => {});
  })
  .listen(control);
net
  .createServer((client) => client.on("error", () => {}).end("SSH-2.0-stand-in\r\n"))
  .on("error", (error) => {
    console.error(`qemu-system-stand-in: Could not set up host forwarding rule: ${error.message}`);
    process.exit(1);
  })
  .listen(port, "127.0.0.1", () => {
    fs.writeFileSync(pidFile, `${process.pid}\n`);
    const report = fs.readFileSync(process.env.CLOISTER_TEST_REPORT);
    const word = JSON.parse(report).ok ? "ready" : "not ready: see the report";
    const verified = `cloister: report ${zlib.gzipSync(report).toString("base64")}\ncloister: ${word}`;
    const text = process.env.CLOISTER_TEST_CONSOLE ?? verified;
    setTimeout(() => fs.appendFileSync(consoleFile, `Linux version stand-in\n${text}\n`), 500);
  });
