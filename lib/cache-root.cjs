"use strict";
const { isAbsolute, join, resolve } = require("node:path");
const { homeFolder } = require("./home.cjs");

exports.cacheRoot = function cacheRoot(env = process.env) {
  // One folder, wherever the processes of one start have their working directory.
  if (env.CLOISTER_CACHE_DIR) return resolve(__dirname, "..", env.CLOISTER_CACHE_DIR);
  if (process.platform === "darwin") return join(homeFolder(), "Library", "Caches", "cloister");
  const xdg = env.XDG_CACHE_HOME ?? "";
  return join(isAbsolute(xdg) ? xdg : join(homeFolder(), ".cache"), "cloister");
};
