/** Writes the table of rules in docs/policy-pack.md from the rules themselves. `--check` only tells whether it is up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isStackRule } from "../../policy/core/rule.ts";
import { RULES } from "../../policy/rules/index.ts";

const PAGE = fileURLToPath(new URL("../../docs/policy-pack.md", import.meta.url));
const MARKS = ["<!-- rules: written by npm run docs -->", "<!-- end of rules -->"] as const;

/** The page with its table of rules made anew. */
export function withRules(page: string): string {
  const [begin, end] = MARKS.map((mark) => page.indexOf(mark)) as [number, number];
  if (begin < 0 || end < begin) throw new Error(`docs/policy-pack.md has not the marks ${MARKS.join(" and ")}`);
  const rows = RULES.map((rule) => {
    const file = `../policy/rules/${rule.name}.ts`;
    const about = isStackRule(rule) ? "the stack" : "a resource";
    return `| [\`${rule.name}\`](${file}) | ${rule.severity} | ${about} | ${rule.reason} | ${rule.remedy} |`;
  });
  const table = ["| rule | severity | about | reason | remedy |", "|---|---|---|---|---|", ...rows].join("\n");
  return `${page.slice(0, begin + MARKS[0].length)}\n\n${table}\n\n${page.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = readFileSync(PAGE, "utf8");
  const wanted = withRules(page);
  if (!process.argv.includes("--check")) writeFileSync(PAGE, wanted);
  else if (page !== wanted) {
    console.error("docs/policy-pack.md is not what the rules say: run npm run docs");
    process.exitCode = 1;
  }
}
