// Runs before anything else, in any version of Node: says which computers and folders will not do, and then has the project's npm
// packages installed (packages.cjs). Old versions of Node must be able to read this file, so it is written as they were.
"use strict";

const version = process.versions.node.split(".").map(Number);
const isOld = version[0] < 20 || (version[0] === 20 && version[1] < 11);
if (process.platform === "win32") {
  stop("Windows itself runs none of this: install WSL 2, and clone the project into its file system, below /home.");
} else if (isOld) {
  stop(`Node ${process.versions.node} is too old: install Node 20.11 or newer (https://nodejs.org).`);
} else if (__dirname.indexOf("\\") >= 0) {
  stop(`Node loads no module of a folder with a backslash in its path: move ${__dirname.replace(/\/[^/]*$/, "")}`);
} else {
  require("./packages.cjs");
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}
