"use strict";
const { statSync } = require("node:fs");
const { dirname, isAbsolute, join, resolve } = require("node:path");
const { homeFolder, userId } = require("./home.cjs");

/** Who the folder would belong to: where it is not made yet, the owner of what it would be made in. */
function ownerOf(folder) {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found || dirname(folder) === folder ? found?.uid : ownerOf(dirname(folder));
}

/** With the caller's HOME (`sudo -E`) root would run programs from that user's cache, and leave files there that are root's. */
function ownOf(folder, env) {
  const caller = Number(env.SUDO_UID ?? 0);
  if (userId() === 0 && caller !== 0 && ownerOf(folder) === caller)
    throw new Error(`The cache would be in ${folder}, which is not root's: run it without sudo, or with sudo -H`);
  return folder;
}

exports.cacheRoot = function cacheRoot(env = process.env) {
  // One folder, wherever the processes of one start have their working directory.
  if (env.CLOISTER_CACHE_DIR) return resolve(__dirname, "..", env.CLOISTER_CACHE_DIR);
  if (process.platform === "darwin") return join(ownOf(homeFolder(), env), "Library", "Caches", "cloister");
  const xdg = env.XDG_CACHE_HOME ?? "";
  return join(isAbsolute(xdg) ? ownOf(xdg, env) : join(ownOf(homeFolder(), env), ".cache"), "cloister");
};
