import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

/** A preview as the engine told it, with what stood around it. */
export interface Recorded {
  readonly stack: string;
  readonly command: "preview" | "destroy" | "drift";
  /** Events of the engine, one JSON object a line. */
  readonly events: string;
  /** Text of `pulumi stack export`. */
  readonly state: string;
  /** Text of Pulumi.STACK.yaml before the change, and with it. */
  readonly base: string;
  readonly head: string;
  /** Text of the policy pack's settings, where it judged. */
  readonly policySettings?: string;
}

const file = (name: string): string => fileURLToPath(new URL(`recorded/${name}.json.br`, import.meta.url));

/** Reads what `record.ts` wrote. */
export function readRecorded(name: string): Recorded {
  return JSON.parse(brotliDecompressSync(readFileSync(file(name))).toString("utf8")) as Recorded;
}

/** Compressed with a window as large as the whole: user data, which is compressed itself, is in it many times. */
export function writeRecorded(name: string, recorded: Recorded): void {
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 9 };
  writeFileSync(file(name), brotliCompressSync(JSON.stringify(recorded), { params }));
}
