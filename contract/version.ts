import { readFileSync } from "node:fs";

/** Set where the machine's code is bundled (images/runtime/bundle.ts): there is no package.json beside it. */
declare const __CLOISTER_VERSION__: string | undefined;

/** Version of this program. Its one place is package.json. */
export const VERSION: string = typeof __CLOISTER_VERSION__ === "string" ? __CLOISTER_VERSION__ : versionOfPackage();

function versionOfPackage(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
