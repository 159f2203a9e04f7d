import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEngine, NoEngine } from "../../../../infra/container/engine.ts";

describe("looking for a container engine", () => {
  const path = process.env["PATH"];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-engines-"));
    process.env["PATH"] = folder;
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(folder, { recursive: true, force: true });
  });

  const program = async (name: string, text: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  };
  const refused = async (wanted?: string) => {
    const error = await findEngine(wanted).then(
      () => assert.fail("one was found"),
      (one: unknown) => one,
    );
    assert.ok(error instanceof NoEngine);
    return error.message;
  };

  it("says which is not installed, and how to install one", async () => {
    const said = await refused();
    assert.match(said, /podman: it is not on PATH; docker: it is not on PATH\. Install one: /);
    assert.doesNotMatch(said, /ENOENT/);
  });

  it("tells what the daemon's client said when the socket cannot be reached", async () => {
    await program("docker", `echo '{"ServerErrors":["Cannot connect to the Docker daemon at unix:///nowhere"]}'`);
    assert.match(await refused("docker"), /docker: Cannot connect to the Docker daemon at unix:\/\/\/nowhere/);
  });

  it("finds docker where podman is there and fails", async () => {
    await program("podman", "echo 'Error: cannot re-exec process' >&2; exit 125");
    assert.match(await refused("podman"), /podman: Error: cannot re-exec process/);
    await program("docker", `echo '{"ServerVersion":"20.10","SecurityOptions":["name=rootless"],"CgroupVersion":"2"}'`);
    const { program: found, rootless, cgroups } = await findEngine();
    assert.deepEqual([found, rootless, cgroups], ["docker", true, 2]);
  });
});
