// One end of a copy on this computer: see end.ts. TypeScript is read through tsx, as by the command itself (../bin.mjs).
(await import("tsx/esm/api")).register();
await import("./end.ts");
