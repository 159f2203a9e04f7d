import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { buildDocument } from "../../../preview/change-set/build.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { page } from "../../../preview/render/page.ts";
import { terminal } from "../../../preview/render/terminal.ts";
import { credentialsIn } from "../../../preview/secrets/environment.ts";
import { Scrubber } from "../../../preview/secrets/scrub.ts";
import { inputsOf } from "../../support/preview/documents.ts";

type Events = { [key: string]: unknown }[];
type Step = { op: string; type: string; urn: string; old: State; new: State; detailedDiff: object; keys?: string[] };
type State = { inputs: Record<string, unknown>; outputs: Record<string, unknown>; id: string };

/** All that a preview prints. */
function outputs(change: (events: Events, steps: Step[]) => void, secrets: readonly string[], head?: string): string[] {
  const inputs = inputsOf("ami", (text) => {
    const events = text.split("\n").map((line) => JSON.parse(line)) as Events;
    const steps = events.flatMap((event) => {
      const pre = event["resourcePreEvent"] as { metadata: Step } | undefined;
      return pre ? [pre.metadata] : [];
    });
    change(events, steps);
    return events.map((event) => JSON.stringify(event)).join("\n");
  });
  const document = buildDocument({
    ...inputs,
    secrets,
    ...(head === undefined ? {} : { head: inputs.head.replace(/^config:\n/m, (line) => line + head) }),
  });
  return [JSON.stringify(document), comment(document).text, page(document), terminal(document, { colour: true })];
}

/** As it is, and in encodings that anybody would try first. */
function forms(canary: string): string[] {
  const bytes = Buffer.from(canary);
  return [
    canary,
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    encodeURIComponent(canary),
    gzipSync(canary).toString("base64").slice(16),
  ];
}

function nowhere(printed: readonly string[], canary: string): void {
  for (const text of printed)
    for (const form of forms(canary))
      assert.ok(!text.toLowerCase().includes(form.toLowerCase()), `${form} is in an output`);
}

const ENCODINGS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => Buffer.from(text).toString("base64"),
  (text) => Buffer.from(`a${text}`).toString("base64"),
  (text) => Buffer.from(`ab${text}z`).toString("base64url"),
  (text) => Buffer.from(text).toString("hex"),
  (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""),
  (text) => gzipSync(text).toString("base64"),
  (text) => JSON.stringify({ value: text }),
  (text) => `https://user:${text}@example.com/`,
];

const words = fc.constantFrom(..."abcdefghijkmnpqrstuvwxyz23456789ABCDEFGHJKLMNPQRSTUVWXYZ".split(""));
/** What nothing but its being known tells from any other word. */
const canaries = fc.array(words, { minLength: 12, maxLength: 24 }).map((letters) => `canary${letters.join("")}`);
const encoding = fc.array(fc.constantFrom(...ENCODINGS), { minLength: 0, maxLength: 3 });
const nesting = fc.array(fc.constantFrom("list", "object", "text"), { maxLength: 4 });

/** A value somewhere within lists, objects and JSON. */
function nested(value: unknown, how: readonly string[]): unknown {
  return how.reduce<unknown>((inner, kind) => {
    if (kind === "list") return ["before", inner];
    return kind === "object"
      ? { plain: "x", inner }
      : typeof inner === "string"
        ? `text ${inner} text`
        : JSON.stringify({ inner });
  }, value);
}

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const within = (steps: readonly Step[], type: string): Step[] => steps.filter((step) => step.type.endsWith(`:${type}`));

describe("nothing secret goes out", function () {
  this.timeout(120_000);

  it("of what the engine marks as secret, whatever stands beside the mark, in whatever property", () => {
    fc.assert(
      fc.property(canaries, nesting, fc.constantFrom("imageId", "tags", "userData", "new"), (canary, how, property) => {
        const value = { ...SECRET, value: canary, ciphertext: canary, plaintext: JSON.stringify(canary) };
        // A mark that is put into a text is no mark any more.
        const inner = nested(
          value,
          how.filter((kind) => kind !== "text"),
        );
        const printed = outputs((_, steps) => {
          for (const step of within(steps, "LaunchTemplate")) step.new.inputs[property] = inner;
        }, []);
        nowhere(printed, canary);
      }),
      { numRuns: 15 },
    );
  });

  it("of what stands in a property that is on no list, marked or not, of types that are known and not", () => {
    fc.assert(
      fc.property(canaries, nesting, encoding, (canary, how, encodings) => {
        const value = nested(
          encodings.reduce((text, encode) => encode(text), canary),
          how,
        );
        const printed = outputs((_, steps) => {
          for (const [i, step] of within(steps, "LaunchTemplate").entries()) {
            step.new.inputs["keyName"] = value;
            step.old.inputs["description"] = value;
            step.new.outputs["imageId"] = value;
            if (i === 1) step.type = "aws:unheard/of:LaunchTemplate";
            if (i === 1) step.new.inputs["imageId"] = value;
          }
          for (const step of within(steps, "Dashboard")) step.new.inputs["dashboardBody"] = value;
        }, []);
        nowhere(printed, canary);
      }),
      { numRuns: 15 },
    );
  });

  it("of a credential of the run, in whatever the program, the engine or the configuration says", () => {
    fc.assert(
      fc.property(canaries, nesting, encoding, fc.nat(7), (canary, how, encodings, where) => {
        const text = encodings.reduce((inner, encode) => encode(inner), canary);
        const value = nested(text, how);
        const printed = outputs(
          (events, steps) => {
            const [template] = within(steps, "LaunchTemplate");
            const [instance] = within(steps, "Instance");
            if (!template || !instance) throw new Error("no steps to change");
            if (where === 0) template.new.inputs["imageId"] = value;
            if (where === 1) template.new.inputs["tags"] = { [text]: value };
            if (where === 2)
              events.push({
                sequence: 9,
                timestamp: 9,
                diagnosticEvent: { severity: "error", message: `it said ${text}` },
              });
            if (where === 3) instance.keys = [`tags["${text}"]`];
            if (where === 4) for (const step of steps) step.urn = step.urn.replace("::two", `::two ${text}`);
            if (where === 5) instance.old.id = text;
            if (where === 6) {
              const policy = { Statement: { Effect: "Allow", Action: `s3:${text}`, Resource: text } };
              for (const step of within(steps, "RolePolicy"))
                Object.assign(step, { op: "update", new: { ...step.new, inputs: { policy: JSON.stringify(policy) } } });
            }
          },
          [canary],
          where === 7
            ? `  cloister:hostname: ${JSON.stringify(text)}\n  cloister:tags: ${JSON.stringify({ [text]: text })}\n`
            : undefined,
        );
        nowhere(printed, canary);
      }),
      { numRuns: 60 },
    );
  });

  it("of what looks like a credential in decoded user data", () => {
    fc.assert(
      fc.property(fc.array(words, { minLength: 24, maxLength: 36 }), fc.nat(2), (letters, where) => {
        const canary =
          [`ghp_${letters.join("")}`, `sk-ant-${letters.join("")}`, `AKIA${letters.join("").toUpperCase()}`][where] ??
          "";
        const boot = `export THING=${canary}\n`;
        const document = { hostname: "x", write_files: [{ path: "/usr/local/lib/cloister/boot", content: boot }] };
        const data = gzipSync(`#cloud-config\n${JSON.stringify(document)}`).toString("base64");
        const printed = outputs((_, steps) => {
          for (const step of within(steps, "LaunchTemplate")) step.new.inputs["userData"] = data;
        }, []);
        nowhere(printed, canary);
        // It was decoded, and the line is there (control).
        assert.ok(printed[1]?.includes("export THING="));
      }),
      { numRuns: 15 },
    );
  });

  it("shows what is on the list, and what is no secret (control)", () => {
    const printed = outputs(() => {}, ["never-said-anywhere"]);
    for (const text of printed) assert.ok(text.includes("ami-00000000000000001"));
  });

  it("the environment of servers of tools is shown neither in the configuration nor in user data", () => {
    const servers = { notes: { command: "run", args: ["--key", "hunter-in-args"], env: { NOTES: "hunter-in-env" } } };
    const printed = outputs(() => {}, [], `  cloister:mcpServers: ${JSON.stringify(servers)}\n`);
    for (const text of printed) assert.ok(!text.includes("hunter"));
    assert.ok(printed[1]?.includes("cloister:mcpServers"));
  });
});

describe("the scrubber", () => {
  const scrubber = new Scrubber();

  it("leaves what is no secret as it is", () => {
    for (const text of [
      "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20260201",
      "arn:aws:kms:eu-central-1:123456789012:key/720a01bd-09e5-47cc-934e-2953ce2e8525",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:cloister-dev-model-key-c080ea4-zCsjtQ",
      "arn:aws:iam::123456789012:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
      "urn:pulumi:dev::cloister::cloister:aws:Target$cloister:aws:NamedMachine$aws:secretsmanager/secret:Secret::one",
      "secretsmanager:GetSecretValue",
      "kms:GenerateDataKeyWithoutPlaintext",
      "vol-292693d4603bbe5c4",
      "com.amazonaws.eu-central-1.secretsmanager",
      "a stack with secret settings is refused",
    ])
      assert.equal(scrubber.text(text), text);
  });

  it("takes out what looks like one, and once is as twice", () => {
    for (const text of [
      "AKIAIOSFODNN7EXAMPLE",
      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      "password=hunter2hunter",
      'apiKey: "abc123def456"',
      "Authorization: Bearer abc123.def",
      "https://user:hunter2@example.com",
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdef",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----",
      "d41d8cd98f00b204e9800998ecf8427e",
    ]) {
      const once = scrubber.text(`x ${text} y`);
      assert.ok(once.includes("[removed]") && !once.includes(text), once);
      assert.equal(scrubber.text(once), once);
    }
  });

  it("ends in time for any text", () => {
    for (const text of ["%41".repeat(20_000), "A".repeat(200_000), "secret=".repeat(20_000), "://a:".repeat(20_000)]) {
      const startedAt = performance.now();
      scrubber.text(text);
      assert.ok(performance.now() - startedAt < 5000, text.slice(0, 10));
    }
  });

  it("takes credentials from the environment, and paths and addresses not", () => {
    const found = credentialsIn({
      AWS_SECRET_ACCESS_KEY: "abcdefgh",
      TOKEN_FILE: "/run/token",
      HOME: "/home/x",
      GITHUB_TOKEN: "",
    });
    assert.deepEqual(found, ["abcdefgh"]);
  });
});
