"use strict";
const { lstatSync, mkdirSync } = require("node:fs");
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

/** A folder below the one that all users may write in: whoever made it first could put programs into its caches. */
function ownFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error.code !== "EEXIST")
      throw new Error(`${path}: cannot be made: ${error.message}. Set HOME to a folder of yours`);
  }
  const { mode, uid } = lstatSync(path, { throwIfNoEntry: false }) ?? {};
  const isFolder = (mode & 0o170000) === 0o040000;
  if (!isFolder || uid !== exports.userId() || (mode & 0o077) !== 0)
    throw new Error(`${path}: is no folder that you alone may enter. Set HOME to one, or remove it`);
  return path;
}

exports.homeFolder = function homeFolder() {
  // HOME may be unset, empty or relative, and a user id in a container may be nobody's.
  return (
    attempt(homedir) ??
    attempt(() => userInfo().homedir) ??
    ownFolder(join(attempt(tmpdir) ?? "/tmp", `cloister-home-${exports.userId()}`))
  );
};
