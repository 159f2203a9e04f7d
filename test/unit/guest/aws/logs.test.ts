import assert from "node:assert/strict";
import { AGENT_KEY, AGENT_VERSION, agentSettings, packageAddresses } from "../../../../guest/aws/logs/settings.ts";
import { checkSignature } from "../../../../guest/aws/logs/signature.ts";
import { signed } from "../../../support/aws-guest/agent-package.ts";

describe("aws: logs", () => {
  it("come from the region's own bucket, at one version", () => {
    const { deb, signature, key } = packageAddresses({ region: "eu-central-1", system: "ubuntu", arch: "arm64" });
    const bucket = "https://amazoncloudwatch-agent-eu-central-1.s3.eu-central-1.amazonaws.com";
    assert.equal(deb, `${bucket}/ubuntu/arm64/${AGENT_VERSION}/amazon-cloudwatch-agent.deb`);
    assert.equal(signature, `${deb}.sig`);
    assert.equal(key, `${bucket}/assets/amazon-cloudwatch-agent.gpg`);
    assert.match(
      packageAddresses({ region: "cn-north-1", system: "ubuntu", arch: "arm64" }).deb,
      /amazonaws\.com\.cn\//,
    );
    assert.match(AGENT_KEY, /^[0-9A-F]{40}$/);
  });

  it("go to the two groups, in one stream for each instance, and only rows of the audit to the second", () => {
    const logGroups = { system: "/cloister/dev/system", audit: "/cloister/dev/audit" };
    assert.deepEqual(agentSettings({ region: "eu-central-1", instance: "i-1", logGroups }), {
      agent: { region: "eu-central-1", run_as_user: "root" },
      logs: {
        logs_collected: {
          journald: {
            collect_list: [
              { log_group_name: "/cloister/dev/system", log_stream_name: "i-1" },
              {
                log_group_name: "/cloister/dev/audit",
                log_stream_name: "i-1",
                matches: [
                  { SYSLOG_IDENTIFIER: "cloister-egress", _SYSTEMD_UNIT: "cloister-audit-copy.service", _UID: "0" },
                ],
              },
            ],
          },
        },
      },
    });
  });

  describe("the package's signature", () => {
    const data = new TextEncoder().encode("a package");
    it("is good when the one key made it", async () => {
      const { signature, publicKey, fingerprint } = await signed(data);
      await checkSignature({ data, signature, key: publicKey, fingerprint });
      await checkSignature({ data, signature, key: publicKey, fingerprint: fingerprint.toLowerCase() });
    });
    it("is refused of another key, even where that key is published beside it", async () => {
      const { signature, publicKey } = await signed(data);
      const check = checkSignature({ data, signature, key: publicKey, fingerprint: AGENT_KEY });
      await assert.rejects(check, /the signing key is [0-9A-F]{40}, not 937616F3/);
    });
    it("is refused of other bytes", async () => {
      const { signature, publicKey, fingerprint } = await signed(data);
      const other = new TextEncoder().encode("another package");
      await assert.rejects(
        checkSignature({ data: other, signature, key: publicKey, fingerprint }),
        /digest|signature/i,
      );
    });
    it("is refused when it was made by another key than the published one", async () => {
      const [mine, others] = [await signed(data), await signed(data)];
      const check = checkSignature({
        data,
        signature: others.signature,
        key: mine.publicKey,
        fingerprint: mine.fingerprint,
      });
      await assert.rejects(check);
    });
  });
});
