/** Writes the comments of all recorded previews anew, for a change that was meant: `node --import tsx test/support/preview/golden.ts`. */
import { writeFileSync } from "node:fs";
import { comment } from "../../../preview/render/markdown.ts";
import { documentOf } from "./documents.ts";
import { SCENARIOS } from "./scenarios.ts";

/** All previews that are recorded. */
export const RECORDED = [...SCENARIOS.map(({ name }) => name), "secret-changed"];

/** Where the comment of a recorded preview is kept. */
export const goldenFile = (name: string): URL => new URL(`../../unit/preview/golden/${name}.md`, import.meta.url);

if (process.argv[1]?.endsWith("/preview/golden.ts"))
  for (const name of RECORDED) writeFileSync(goldenFile(name), comment(documentOf(name)).text);
