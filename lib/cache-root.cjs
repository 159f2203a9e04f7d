"use strict";
const { homedir } = require("node:os");
const { join } = require("node:path");

exports.cacheRoot = function cacheRoot(env = process.env) {
  if (env.CLOISTER_CACHE_DIR) return env.CLOISTER_CACHE_DIR;
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "cloister");
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cloister");
};
