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

exports.isOursAlone = function isOursAlone(folder) {
  try {
    const stats = lstatSync(folder);
    return stats.isDirectory() && (stats.mode & 0o077) === 0 && stats.uid === exports.userId();
  } catch {
    return false;
  }
};

/** A folder below the one that all users may write in: whoever made it first could put programs into its caches. */
function ownFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error.code !== "EEXIST")
      throw new Error(`${path}: cannot be made: ${error.message}. Set HOME to a folder of yours`);
  }
  if (!exports.isOursAlone(path))
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
