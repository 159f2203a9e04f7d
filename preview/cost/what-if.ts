import { parseDocument, parse as parseYaml } from "yaml";

/** A change of the configuration that is only tried: `pools.workers.max=200`. */
export function withChange(config: string, change: string): string {
  const [, path = "", value = ""] = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(change) ?? [];
  if (path === "") throw new Error(`--set ${JSON.stringify(change)}: write KEY=VALUE, such as pools.workers.max=200`);
  const document = parseDocument(config);
  const [key = "", ...rest] = path.split(".");
  const at = ["config", `cloister:${key}`, ...rest];
  let parsed: unknown;
  try {
    parsed = parseYaml(value);
  } catch {
    throw new Error(`--set ${JSON.stringify(change)}: the value is no YAML`);
  }
  for (let i = 2; i < at.length; i++) {
    const have = document.getIn(at.slice(0, i), true);
    if (have !== undefined && (typeof have !== "object" || !("items" in (have as object))))
      throw new Error(`--set ${JSON.stringify(change)}: ${at.slice(1, i).join(".")} is a value and has no ${at[i]}`);
  }
  document.setIn(at, document.createNode(parsed));
  return document.toString({ lineWidth: 0 });
}
