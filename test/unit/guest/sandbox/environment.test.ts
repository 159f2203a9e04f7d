import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { proxyEnvironment } from "../../../../guest/sandbox/environment.ts";

describe("the variables of a session", () => {
  it("keep one warning of Node's quiet, and no other", () => {
    const { NODE_OPTIONS } = proxyEnvironment("token");
    assert.match(execFileSync(process.execPath, ["-p", "1"], { env: { NODE_OPTIONS }, encoding: "utf8" }), /^1\n/);
    const warned = (code: string) =>
      spawnSync(process.execPath, ["-e", `process.emitWarning("it", { code: ${JSON.stringify(code)} })`], {
        env: { NODE_OPTIONS },
        encoding: "utf8",
      }).stderr;
    assert.equal(warned("UNDICI-EHPA"), "");
    assert.match(warned("ANOTHER"), /ANOTHER/, "the control");
  });
});
