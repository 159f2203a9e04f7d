// Stands for the pack that was started ahead (ahead.cjs), as long as the engine wants one: prints what that one says, and ends with
// it. Where there is none, because another engine took it or it ended without a word, the pack is started here.
"use strict";
const { connect } = require("node:net");

exports.take = function take(socket, start) {
  let rest = "";
  let isThere = false;
  let code;
  const connection = connect(socket);
  connection.setEncoding("utf8");
  connection.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const { out, err, code: end } = JSON.parse(line);
      isThere = true;
      if (out !== undefined) process.stdout.write(out);
      if (err !== undefined) process.stderr.write(err);
      code = end;
    }
  });
  connection.on("error", () => {});
  connection.on("close", () => {
    if (!isThere) return start();
    if (code === undefined) process.stderr.write("the policy pack, which was started ahead, ended without a word\n");
    process.exitCode = code ?? 1;
  });
};
