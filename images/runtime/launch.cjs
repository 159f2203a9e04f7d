// Runs the program beside this file from one script, with what V8 compiled of it in an earlier run: a quarter off every start.
// `bundle.ts` puts the names in capitals in its place. Plain JavaScript, since it is what starts everything else.
//
// V8 takes kept code for that of the program when its version, its flags and the program's length are right, and looks no
// further. So it counts only below a folder that is this user's and nobody else's to write, under the program's digest.
// Supervisors of sessions see that folder read-only (guest/seal/internal/view): a wall against paths that lead them there, none
// against one that is taken over, which may mount. Whatever is wrong with it, the program is compiled as if there were none.
"use strict";
const fs = require("node:fs");
const { join } = require("node:path");
const vm = require("node:vm");

const path = join(__dirname, PROGRAM_FILE);
/** Made with the program where an image is built: who may write here may write the program too. */
const made = `${path}.compiled`;
const kept = join(CODE_FOLDER, `${PROGRAM_FILE}-${PROGRAM_DIGEST}-${process.version}-${process.arch}`);

/** What can be written by nobody but this user. */
const ours = ({ uid, mode }) => uid === process.getuid?.() && (mode & 0o022) === 0;

/** What was made is read before what was kept, so nothing has to be kept beside it: also not for runs with other flags. */
let wasMade = false;

function compiled() {
  let file;
  try {
    const data = fs.readFileSync(made);
    wasMade = true;
    return data;
  } catch {}
  try {
    if (!ours(fs.lstatSync(CODE_FOLDER))) return undefined;
    file = fs.openSync(kept, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    return ours(fs.fstatSync(file)) ? fs.readFileSync(file) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

function keep() {
  const part = `${kept}.${process.pid}`;
  try {
    fs.mkdirSync(CODE_FOLDER, { recursive: true, mode: 0o700 });
    if (!ours(fs.lstatSync(CODE_FOLDER))) return;
    fs.writeFileSync(part, script.createCachedData(), { mode: 0o600, flag: "wx" });
    fs.renameSync(part, kept);
  } catch {
    // A full or read-only folder is no reason to fail. Half a file must not stay.
    try {
      fs.rmSync(part, { force: true });
    } catch {}
  }
}

const cachedData = compiled();
const text = `(function (exports, require, module, __filename, __dirname) {${fs.readFileSync(path, "utf8")}\n})`;
const script = new vm.Script(text, {
  filename: path,
  ...(cachedData ? { cachedData } : {}),
});
// At the end, when the functions that were called are compiled too.
if (!wasMade && (!cachedData || script.cachedDataRejected) && KEEPING_COMMANDS.includes(process.argv[2]))
  process.once("exit", keep);
const program = { exports: {} };
// This file's own `require`: the program is in the same folder.
script.runInThisContext()(program.exports, require, program, path, __dirname);
