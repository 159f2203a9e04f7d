/** Renews the snapshot of the rendered user data, for a change that was meant. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { renderUserData } from "../../cloud-init/render.ts";

const { text } = renderUserData({
  hostname: "claude",
  operatorKeys: [`ssh-ed25519 ${"A".repeat(68)} operator`],
  machine: { name: "machine", target: "local", runtime: { digest: "0123456789abcdef".repeat(4), size: 99_999_999 } },
});
writeFileSync(fileURLToPath(new URL("../../test/unit/cloud-init/user-data.snapshot.yaml", import.meta.url)), text);
