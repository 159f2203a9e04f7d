"use strict";
// Installs the project's packages when they are missing or not those of package-lock.json. Two runs at once are no problem: the
// second waits for the first.
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} = require("node:fs");
const { join, resolve } = require("node:path");

const project = resolve(__dirname, "..");
const modules = join(project, "node_modules");
const marker = join(modules, ".cloister-lock");
const lock = join(project, ".cloister", "npm-ci.lock");

if (!upToDate()) {
  makeOwnFolder();
  takeLock();
  try {
    if (!upToDate()) install();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** A clone that belongs to somebody else, root for example, may well be used once its packages are installed. */
function makeOwnFolder() {
  try {
    mkdirSync(join(project, ".cloister"), { recursive: true });
    accessSync(join(project, ".cloister"), constants.W_OK);
    accessSync(project, constants.W_OK);
  } catch (error) {
    fail(
      `The project's npm packages must be installed, and ${project} cannot be written (${error.code}).\n` +
        "Let its owner run npm ci --ignore-scripts there, or clone the project into a folder of yours.",
    );
  }
}

function upToDate() {
  return read(marker) === wanted();
}

function wanted() {
  return createHash("sha256")
    .update(readFileSync(join(project, "package-lock.json")))
    .digest("hex");
}

function install() {
  // npm ci would empty the folder that it leads to.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail(`${modules} is a symbolic link to packages that are not those of package-lock.json: remove it and try again.`);
  }
  const started = Date.now();
  console.error("Installing the project's npm packages ...");
  const { status } = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"],
    {
      cwd: project,
      stdio: ["ignore", 2, 2],
      env: {
        // npm reads this one only.
        ...(process.env.SSL_CERT_FILE ? { NODE_EXTRA_CA_CERTS: process.env.SSL_CERT_FILE } : {}),
        // The settings of the npm that started us are not meant for this call.
        ...Object.fromEntries(
          Object.entries(process.env).filter(([name]) => !/^npm_config_(?!.*(registry|proxy|cache|ca))/i.test(name)),
        ),
      },
    },
  );
  if (status !== 0) fail("npm ci failed: see above. Mend what it says and run the same command again.");
  writeFileSync(marker, wanted());
  console.error(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
}

/** A folder is made by exactly one of several processes; one left by a process that was killed is taken over. */
function takeLock() {
  for (let waited = 0; ; waited += 1) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, "pid"), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!ownerLives()) rmSync(lock, { recursive: true, force: true });
    else {
      if (waited === 0) console.error("Waiting for another run that installs the npm packages ...");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
}

function ownerLives() {
  const pid = Number(read(join(lock, "pid")));
  // The owner writes its number just after it made the folder.
  if (!pid) return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) < 5_000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
