import { readFileSync } from "node:fs";

/** It is set when the machine's code is bundled (images/runtime/bundle.ts): there is no package.json beside it. */
declare const __CLOISTER_VERSION__: string | undefined;

/** Version of this program. It is written in package.json only. */
export const VERSION: string = typeof __CLOISTER_VERSION__ === "string" ? __CLOISTER_VERSION__ : versionOfPackage();

function versionOfPackage(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
