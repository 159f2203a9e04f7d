import { machineProgram } from "./program.ts";
import { settle } from "./settle.ts";

settle(machineProgram().parseAsync());
