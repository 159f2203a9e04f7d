import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { settingsSchema } from "../../../../infra/settings/schema.ts";
import { configMarkdown, pulumiYaml, reference } from "../../../../tools/docs/config.ts";

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../${name}`, import.meta.url)), "utf8");

describe("the reference of the configuration", () => {
  it("is up to date (npm run docs renews it)", () => {
    assert.equal(read("docs/config.md"), configMarkdown());
    assert.equal(read("Pulumi.yaml"), pulumiYaml(read("Pulumi.yaml")));
  });

  it("describes every key of the schema", () => {
    assert.deepEqual(
      reference().map(({ key }) => key),
      Object.keys(settingsSchema.shape),
    );
    for (const { key, description, group } of reference()) {
      assert.ok(description.endsWith("."), `${key} has a description`);
      assert.ok(group, `${key} has a group`);
    }
  });
});
