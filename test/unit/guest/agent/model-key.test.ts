import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secretKey } from "../../../../cli/aws/model-key.ts";
import { clearKey, keyStatus, NoKey, parseKey, writeKey } from "../../../../guest/agent/model-key.ts";

describe("the model's key", () => {
  it("is 8 to 512 printable characters; what is none is in no message", () => {
    for (const key of ["sk-ant-12345678", "x".repeat(8), "x".repeat(512), "  around-it \n"]) {
      assert.equal(parseKey(key, "it"), key.trim());
    }
    for (const text of [
      "",
      " \n",
      "seven77",
      "x".repeat(513),
      "two words here",
      "tab\there123",
      "ümlaut-123456",
      "a\0bcdefgh",
    ]) {
      const thrown = (() => {
        try {
          return parseKey(text, "standard input");
        } catch (error) {
          return error;
        }
      })();
      assert.ok(thrown instanceof NoKey, text);
      assert.equal(thrown.code, "CLOISTER_E_KEY");
      if (text.trim() !== "") assert.ok(!thrown.message.includes(text));
    }
  });

  describe("on a machine", () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "cloister-key-"));
    });
    after(() => rm(folder, { recursive: true }));

    it("is written whole, for root alone, over another and over what a killed writer left", async () => {
      const file = join(folder, "key");
      const files = { key: file, refused: join(folder, "refused") };
      assert.deepEqual(await keyStatus(files), { key: "none", refused: false });
      await writeFile(`${file}.new`, "half", { mode: 0o666 });
      for (const key of ["first-key-1", "second-key-2"]) {
        await writeKey(key, file);
        assert.equal(await readFile(file, "utf8"), key);
        assert.equal((await stat(file)).mode & 0o777, 0o600);
      }
      assert.deepEqual(await readdir(folder), ["key"]);
      await writeFile(files.refused, "");
      assert.deepEqual(await keyStatus(files), { key: "set", refused: true });
      await clearKey(file);
      await clearKey(file);
      assert.equal((await keyStatus(files)).key, "none");
    });
  });

  it("is the value of the stack's secret on AWS", async () => {
    const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf";
    let value: string | undefined;
    const client = {
      send: async (command: { readonly input: { readonly SecretId: string; readonly SecretString?: string } }) => {
        assert.equal(command.input.SecretId, secret);
        if (command.constructor.name === "PutSecretValueCommand") value = command.input.SecretString;
        else if (value === undefined) throw Object.assign(new Error("none"), { name: "ResourceNotFoundException" });
        return { SecretString: value };
      },
    };
    const act = async (word: "set" | "status" | "clear", key = "") =>
      await secretKey({ secret, region: "eu-central-1", act: word, value: key, json: true, client: client as never });
    assert.equal(await act("status"), 1);
    assert.equal(await act("set", "sk-ant-12345678"), 0);
    assert.equal(value, "sk-ant-12345678");
    assert.equal(await act("status"), 0);
    assert.equal(await act("clear"), 0);
    // Secrets Manager takes no empty value; machines read this one as none (guest/aws/model-key.ts).
    assert.equal(value, " ");
    assert.equal(await act("status"), 1);
  });
});
