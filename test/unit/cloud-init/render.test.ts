import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { execa } from "execa";
import fc from "fast-check";
import { parse } from "yaml";
import { renderMetaData, renderUserData, USER_DATA_LIMIT, UserDataTooLargeError } from "../../../cloud-init/render.ts";
import { cloudInitSchema } from "../../support/cloud-init.ts";

const input = {
  hostname: "claude",
  operatorKeys: [`ssh-ed25519 ${"A".repeat(68)} operator`],
  machine: {
    name: "machine",
    target: "local",
    runtime: { digest: "0123456789abcdef".repeat(4), size: 99_999_999 },
  },
} as const;

const snapshot = fileURLToPath(new URL("user-data.snapshot.yaml", import.meta.url));

describe("user data", () => {
  const { text, gzip } = renderUserData(input);

  it("is what the snapshot says (npm run test:update-snapshots renews it)", () => {
    assert.equal(text, readFileSync(snapshot, "utf8"));
  });

  it("is valid by cloud-init's own schema, which refuses a wrong one", async function () {
    this.timeout(120_000);
    const { command } = await cloudInitSchema();
    const [program = "", ...args] = command;
    const folder = await mkdtemp(join(tmpdir(), "cloister-user-data-"));
    try {
      const check = async (content: string) => {
        const file = join(folder, "user-data");
        await writeFile(file, content);
        return await execa(program, [...args, file], { all: true, reject: false });
      };
      for (const right of [text, renderUserData({ ...input, aptMirror: "https://mirror.example/ubuntu" }).text]) {
        const good = await check(right);
        assert.equal(good.exitCode, 0, good.all);
      }
      const good = await check(text);
      assert.doesNotMatch(good.all, /deprecat/i);
      assert.notEqual((await check(text.replace("growpart:", "growprt:\n  mode: auto\ngrowpart: 7\nx:"))).exitCode, 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("takes at most 8,192 bytes once compressed", () => {
    assert.ok(gzip.length <= 8_192, `${gzip.length} bytes`);
    assert.equal(gunzipSync(gzip).toString(), text);
  });

  it("is the same bytes on every computer", () => {
    assert.deepEqual(renderUserData(input).gzip, gzip);
    assert.equal(gzip.readUInt32LE(4), 0, "no time in gzip's header");
    assert.equal(gzip[9], 255, "no operating system in gzip's header");
  });

  it("is refused above the limit, with what takes the room", () => {
    const key = `ssh-rsa ${randomBytes(20_000).toString("base64")}`;
    assert.throws(
      () => renderUserData({ ...input, operatorKeys: [key] }),
      (error: unknown) => {
        assert.ok(error instanceof UserDataTooLargeError);
        assert.match(error.message, new RegExp(`at most ${USER_DATA_LIMIT}`));
        const first = error.message.split("\n")[1] ?? "";
        assert.match(first, /operator's ssh keys/, "the largest part comes first");
        return true;
      },
    );
  });

  it("keeps every value a value, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (hostname, key) => {
        const config = parse(renderUserData({ ...input, hostname, operatorKeys: [key] }).text);
        assert.equal(config.hostname, hostname);
        assert.deepEqual(config.users[0].ssh_authorized_keys, [key]);
        assert.equal(config.write_files.length, 4);
      }),
    );
  });

  it("refuses a machine that the guest would refuse", () => {
    assert.throws(
      () => renderUserData({ ...input, machine: { ...input.machine, runtime: { digest: "short", size: 1 } } }),
      /runtime\.digest: must be a SHA-256 digest/,
    );
  });

  it("holds the instance id in its meta-data", () => {
    assert.deepEqual(parse(renderMetaData("machine-1", "claude")), {
      "instance-id": "machine-1",
      "local-hostname": "claude",
    });
  });
});
