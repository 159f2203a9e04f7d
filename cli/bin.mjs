#!/usr/bin/env node
// The command `cloister`, from anywhere: `npx cloister` in this project, or by its path. TypeScript is read through tsx.
const tsx = await import("tsx/esm/api").catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error("cloister: the project's npm packages are not installed: run npm start, or npm ci");
  process.exit(1);
});
tsx.register();
await import("./main.ts");
