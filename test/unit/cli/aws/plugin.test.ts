import assert from "node:assert/strict";
import { missingPlugin, type OpenedSession, pluginCall } from "../../../../cli/aws/plugin.ts";

const session: OpenedSession = {
  region: "eu-central-1",
  endpoint: "https://ssm.eu-central-1.amazonaws.com",
  request: { Target: "i-0a", DocumentName: "AWS-StartInteractiveCommand" },
  response: { SessionId: "me-1", StreamUrl: "wss://x", TokenValue: "secret" },
};

describe("AWS's session plugin", () => {
  it("is called as AWS's CLI calls it, and no argument holds the session's token", () => {
    for (const version of ["1.2.497.0", "1.2.764.0", "1.3.0.0", "2.0.0.0"]) {
      const { args, env } = pluginCall(session, version, { AWS_PROFILE: "ops", PATH: "/bin" });
      assert.deepEqual(args, [
        "AWS_SSM_START_SESSION_RESPONSE",
        "eu-central-1",
        "StartSession",
        "ops",
        '{"Target":"i-0a","DocumentName":"AWS-StartInteractiveCommand"}',
        "https://ssm.eu-central-1.amazonaws.com",
      ]);
      assert.deepEqual(JSON.parse(env["AWS_SSM_START_SESSION_RESPONSE"] ?? ""), session.response);
      assert.ok(!args.join(" ").includes("secret"));
    }
  });

  it("gets the response as an argument where it is too old for another way", () => {
    const { args, env } = pluginCall(session, "1.2.463.0", {});
    assert.deepEqual(JSON.parse(args[0] ?? ""), session.response);
    assert.equal(args[3], "", "no profile");
    assert.deepEqual(env, {});
  });

  it("is told how to be installed, on each platform", () => {
    assert.match(missingPlugin("linux", "arm64"), /ubuntu_arm64\/session-manager-plugin\.deb[\s\S]*linux_arm64/);
    assert.match(missingPlugin("linux", "x64"), /ubuntu_64bit/);
    assert.match(missingPlugin("darwin", "arm64"), /brew install --cask session-manager-plugin/);
    assert.match(missingPlugin("win32", "x64"), /SessionManagerPluginSetup\.exe/);
    assert.match(missingPlugin("freebsd", "x64"), /session-manager-working-with-install-plugin\.html/);
  });
});
