import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { parseSettings, type Settings } from "../../../../infra/settings/settings.ts";

/** An image that nothing is wrong with. */
export const AMI = {
  id: "ami-0123456789abcdef0",
  region: "eu-central-1",
  architecture: "arm64",
  owner: "099720109477",
  name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260101",
};

/** A stack's configuration as it is in the repository, with an image pinned and changes made. */
export function settingsOf(stack: string, changes: Record<string, unknown> = {}): Settings {
  const file = new URL(`../../../../Pulumi.${stack}.yaml`, import.meta.url);
  const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
  const all = { ...config, "cloister:ami": AMI, ...changes };
  const parsed = parseSettings(
    Object.fromEntries(Object.entries(all).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)])),
  );
  assert.deepEqual(parsed.problems, []);
  return (parsed as { settings: Settings }).settings;
}
