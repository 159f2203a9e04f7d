/** One end of a copy in a container, by the rules that hold where sessions write. The image has it as lib/copy.mjs. */
process.env["CLOISTER_COPY_STRICT"] = "1";
await import("./end.ts");

export {};
