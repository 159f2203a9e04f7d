#!/usr/bin/env node
// The command `cloister`, from anywhere: `npx cloister` in this project, or by its path. TypeScript is read through tsx.
import { register } from "tsx/esm/api";

register();
await import("./main.ts");
