/**
 * Stands in for AWS's log agent: a Debian package of its name and version, signed with a key made here. It differs: it
 * ships nothing; its control program checks how it was called and keeps the configuration that it got.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { createMessage, generateKey, readPrivateKey, sign } from "openpgp";
import { AGENT_VERSION } from "../../../guest/aws/logs/settings.ts";

export interface AgentPackage {
  readonly deb: Buffer;
  readonly signature: Buffer;
  readonly publicKey: Buffer;
  readonly fingerprint: string;
}

const CONTROL = `#!/bin/sh
# Called as AWS's own is: -a fetch-config -m ec2 -s -c file:PATH
[ "$1 $2 $3 $4 $5 $6" = "-a fetch-config -m ec2 -s -c" ] || { echo "unexpected: $*" >&2; exit 1; }
cp "\${7#file:}" /run/cloister/stand-in-agent.json
`;

/** @param architecture Debian's name of it */
export async function makeAgentPackage(architecture: string): Promise<AgentPackage> {
  const folder = await mkdtemp(join(tmpdir(), "cloister-agent-"));
  try {
    const root = join(folder, "root");
    const agent = join(root, "opt/aws/amazon-cloudwatch-agent");
    await mkdir(join(agent, "bin"), { recursive: true });
    await mkdir(join(agent, "etc"), { recursive: true });
    await mkdir(join(root, "DEBIAN"));
    await writeFile(join(agent, "bin/amazon-cloudwatch-agent-ctl"), CONTROL, { mode: 0o755 });
    const fields = {
      Package: "amazon-cloudwatch-agent",
      Version: `${AGENT_VERSION}-1`,
      Architecture: architecture,
      Maintainer: "tests",
      Description: "stand-in",
    };
    const text = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
    await writeFile(join(root, "DEBIAN/control"), text.join(""));
    const file = join(folder, "agent.deb");
    await execa("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", root, file]);
    const deb = await readFile(file);
    return { deb, ...(await signed(deb)) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A detached signature by a new key. */
export async function signed(data: Uint8Array): Promise<Omit<AgentPackage, "deb">> {
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: "tests" }], format: "armored" });
  const key = await readPrivateKey({ armoredKey: privateKey });
  const signature = await sign({
    message: await createMessage({ binary: new Uint8Array(data) }),
    signingKeys: key,
    detached: true,
    format: "binary",
  });
  return {
    signature: Buffer.from(signature as Uint8Array),
    publicKey: Buffer.from(publicKey),
    fingerprint: key.getFingerprint().toUpperCase(),
  };
}
