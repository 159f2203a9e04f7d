/** Writes the JSON schema of policy files, for editors. `--check` only tells whether it is up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { policySchema } from "../../guest/policy/schema.ts";

/** The schema's file, below the project's root. */
export const POLICY_SCHEMA_FILE = "schemas/policy.schema.json";

/** The text of {@link POLICY_SCHEMA_FILE}. */
export const policySchemaText = (): string => `${JSON.stringify(policySchema(), undefined, 2)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL(`../../${POLICY_SCHEMA_FILE}`, import.meta.url));
  if (!process.argv.includes("--check")) writeFileSync(file, policySchemaText());
  else if (readFileSync(file, "utf8") !== policySchemaText()) {
    console.error(`${POLICY_SCHEMA_FILE} is not what guest/policy/schema.ts says: run npm run docs`);
    process.exitCode = 1;
  }
}
