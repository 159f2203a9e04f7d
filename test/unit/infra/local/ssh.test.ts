import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { sshCommand } from "../../../../infra/local/ssh.ts";

describe("the ssh command that a person pastes", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-ssh-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("gives root in the machine neither the agent nor the display, whatever the user's configuration says", async () => {
    const paths = { sshKey: join(folder, "a key"), knownHosts: join(folder, "known_hosts") };
    const configuration = join(folder, "config");
    await writeFile(configuration, "Host *\n  ForwardAgent yes\n  ForwardX11 yes\n");
    const settings = async (command: string) => (await execa("sh", ["-c", command.replace(/^ssh /, "ssh -G ")])).stdout;
    const command = sshCommand(paths, 22_222);
    const open = await settings(command.replace("-F none", `-F ${configuration}`));
    assert.match(open, /^forwardagent yes$/m, "the control: the configuration is obeyed");
    const seen = await settings(command);
    assert.match(seen, /^forwardagent no$/m);
    assert.match(seen, /^forwardx11 no$/m);
    assert.match(seen, /^port 22222$/m);
  });

  it("offers the machine's key alone, and none of the user's agent: root in the machine would learn them", async () => {
    const key = join(folder, "key");
    await writeFile(key, "");
    const settings = async (line: string) => (await execa("sh", ["-c", line.replace(/^ssh /, "ssh -G ")])).stdout;
    const command = sshCommand({ sshKey: key, knownHosts: join(folder, "known_hosts") }, 22_222);
    const open = await settings(command.replace(/-o Identit\w+=\w+ /g, ""));
    assert.match(open, /^identitiesonly no$/m, "the control: without the options the agent's keys are offered");
    const seen = await settings(command);
    assert.match(seen, /^identitiesonly yes$/m);
    assert.match(seen, /^identityagent none$/m);
    assert.deepEqual(seen.match(/^identityfile .*$/gm), [`identityfile ${key}`]);
  });
});
