import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { settingsSchema } from "../../../../infra/settings/schema.ts";
import { parseSettings } from "../../../../infra/settings/settings.ts";
import { pulumiYaml } from "../../../../tools/docs/config.ts";
import { configMarkdown } from "../../../../tools/docs/config-markdown.ts";
import {
  changeInWords,
  flattened,
  type JsonSchema,
  keysAsJsonSchema,
  reference,
} from "../../../../tools/docs/config-reference.ts";
import { SCHEMA_FILE, stackSchema } from "../../../../tools/docs/config-schema.ts";
import { AMI } from "../../infra/aws/settings.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const read = (name: string): string => readFileSync(root + name, "utf8");
/** Not strict: the schema has our words for documentation in it. Formats of text have a pattern beside them. */
const ajv = () => new Ajv({ strict: false, validateFormats: false, allErrors: true });

describe("the reference of the configuration", () => {
  it("is up to date (npm run docs renews it)", () => {
    assert.equal(read("docs/config.md"), configMarkdown());
    assert.equal(read("Pulumi.yaml"), pulumiYaml(read("Pulumi.yaml")));
    assert.equal(read(SCHEMA_FILE), stackSchema());
  });

  it("describes every key of the schema", () => {
    assert.deepEqual(
      reference().map(({ path }) => path),
      Object.keys(settingsSchema.shape),
    );
    for (const { path, group } of reference()) assert.ok(group, `${path} has a group`);
  });

  it("describes every part of every key, with type, default, change and example", () => {
    const entries = flattened();
    const paths = entries.map(({ path }) => path);
    for (const part of [
      "network.nat",
      "network.existing.subnetIds",
      "snapshots.everyHours",
      "machines.NAME.zone",
      "pools.NAME.drainSeconds",
      "pools.NAME.schedules.NAME.cron",
      "pools.NAME.spot.onDemandBase",
      "mcpServers.NAME.command",
      "budget.email",
      "ami.id",
    ])
      assert.ok(paths.includes(part), part);
    assert.ok(entries.length > 75, `${entries.length}`);
    for (const { path, description, type, default: fallback, change } of entries) {
      assert.match(description, /^[A-Z`].*\.$/s, path);
      assert.ok(type && fallback, path);
      const { local, container, aws } = changeInWords(change);
      assert.ok(local ?? container ?? aws, `${path} says what a change does`);
    }
  });

  it("states defaults of parts as the check fills them in", () => {
    const stated = new Map(flattened().map((entry) => [entry.path, entry.default]));
    const { settings } = parseSettings({
      "cloister:pools": '{"workers":{"spot":{},"warmPool":{}}}',
      "cloister:mcpServers": '{"notes":{"command":"x"}}',
    }) as Extract<ReturnType<typeof parseSettings>, { settings: unknown }>;
    const whole = settings as unknown as Record<string, Record<string, Record<string, object>>>;
    for (const [within, filled] of [
      ["network", settings.network],
      ["snapshots", settings.snapshots],
      ["pools.NAME", settings.pools["workers"]],
      ["pools.NAME.spot", settings.pools["workers"]?.spot],
      ["pools.NAME.warmPool", settings.pools["workers"]?.warmPool],
      ["mcpServers.NAME", whole["mcpServers"]?.["notes"]],
    ] as const) {
      for (const [part, value] of Object.entries(filled ?? {}).filter(([, one]) => typeof one !== "object"))
        if (part !== "command") assert.equal(stated.get(`${within}.${part}`), `\`${value}\``, `${within}.${part}`);
    }
  });

  it("shows examples that the check accepts", () => {
    for (const { path, example } of reference()) {
      const key = path as keyof typeof settingsSchema.shape;
      const parsed = settingsSchema.shape[key].safeParse(example);
      assert.ok(parsed.success, `${path}: ${parsed.error}`);
    }
    const within = (json: JsonSchema, path: readonly string[]): JsonSchema => {
      const [part, ...rest] = path;
      if (part === undefined) return json;
      const shape = json.anyOf?.find(({ type }) => type === "object") ?? json;
      const next = part === "NAME" ? shape.additionalProperties : shape.properties?.[part];
      return within(next || {}, rest);
    };
    for (const { path, example } of flattened()) {
      const [key = "", ...parts] = path.split(".");
      const check = ajv().compile(within(keysAsJsonSchema()[key] ?? {}, parts));
      assert.ok(check(example), `${path}: ${JSON.stringify(check.errors)}`);
    }
  });

  it("fits a narrow window", () => {
    const long = configMarkdown()
      .split("\n")
      .filter((line) => line.length > 100 && !/^\s*(- )?(cloister:|id:|name:|\S+: (arn:|ubuntu\/))/.test(line));
    assert.deepEqual(long, []);
  });
});

describe("the schema that editors use", () => {
  const check = ajv().compile(JSON.parse(stackSchema()));
  const stacks = readdirSync(root).filter((name) => /^Pulumi\.[^.]+\.yaml$/.test(name));

  it("takes the files of all stacks of the repository, which name it", () => {
    assert.ok(stacks.length >= 4, stacks.join());
    for (const name of stacks) {
      assert.ok(check(parse(read(name))), `${name}: ${JSON.stringify(check.errors)}`);
      assert.match(read(name), /^# yaml-language-server: \$schema=\.\/schemas\/pulumi-stack\.schema\.json$/m);
    }
  });

  it("takes every default, every example, and what pulumi config set writes", () => {
    const config = (value: (json: JsonSchema) => unknown) =>
      Object.fromEntries(Object.entries(keysAsJsonSchema()).map(([key, json]) => [`cloister:${key}`, value(json)]));
    const asSet = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
    for (const file of [
      { config: config((json) => json.default) },
      { config: config((json) => json.example) },
      { config: config((json) => asSet(json.example)) },
      { config: { "cloister:ami": AMI, "aws:region": "eu-central-1" }, encryptionsalt: "v1:x", secretsprovider: "x" },
      {},
    ])
      assert.ok(check(file), JSON.stringify(check.errors));
  });

  const refused: Readonly<Record<string, Record<string, unknown>>> = {
    "an unknown key": { "cloister:memmoryMiB": 4096 },
    "a key without a namespace": { cpus: 2 },
    "a number out of its limits": { "cloister:cpus": 65 },
    "a number that is none": { "cloister:cpus": "four" },
    "a fraction": { "cloister:memoryMiB": 4096.5 },
    "a word that is none of the list": { "cloister:onDestroy": "delete" },
    "a flag that is none": { "cloister:logsRequired": "yes" },
    "an unknown part": { "cloister:network": { nut: "single" } },
    "a wrong part": { "cloister:network": { nat: "double" } },
    "a part of a pool": { "cloister:pools": { workers: { drainSeconds: 1 } } },
    "a part of a schedule": { "cloister:pools": { workers: { schedules: { day: { cron: "hourly" } } } } },
    "a missing part": { "cloister:budget": { monthlyUSD: 10 } },
    "a machine's name": { "cloister:machines": { One: {} } },
    "days that CloudWatch does not take": { "cloister:logRetentionDays": 8 },
    "a tool that there is not": { "cloister:tools": ["Bsh"] },
    "a list that is none": { "cloister:zones": "eu-central-1a" },
    "a secret": { "cloister:model": { secure: "v1:x" } },
  };
  for (const [what, config] of Object.entries(refused)) {
    it(`refuses ${what}`, () => assert.equal(check({ config }), false));
  }

  it("refuses a file with an unknown part", () => assert.equal(check({ configs: {} }), false));
});
