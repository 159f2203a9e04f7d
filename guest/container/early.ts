import { beginLook } from "./look.ts";

/** Commands that look at the container before they do anything. */
const LOOKING = ["run", "agent", "check", "verify"];

// The first module of the program: the look's processes run while the others are loaded.
if (LOOKING.includes(process.argv[2] ?? "")) beginLook();
