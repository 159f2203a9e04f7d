"use strict";
const { homedir, tmpdir, userInfo } = require("node:os");
const { isAbsolute, join } = require("node:path");

const attempt = (ask) => {
  try {
    const found = ask();
    return isAbsolute(found) ? found : undefined;
  } catch {
    return undefined;
  }
};

exports.userId = () => process.getuid?.() ?? 0;

exports.homeFolder = function homeFolder() {
  // HOME may be unset, empty or relative, and a user id in a container may be nobody's.
  return (
    attempt(homedir) ??
    attempt(() => userInfo().homedir) ??
    join(attempt(tmpdir) ?? "/tmp", `cloister-home-${exports.userId()}`)
  );
};
