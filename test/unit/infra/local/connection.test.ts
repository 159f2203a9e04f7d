import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endConnection, sharedConnection } from "../../../../infra/local/connection.ts";
import { pathsIn } from "../../../../infra/local/paths.ts";

describe("the connection that commands share", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-shared-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("has its socket in a folder that is this user's alone, which is made", () => {
    const connection = join(folder, "run", "x.ssh");
    const options = sharedConnection({ connection });
    assert.ok(options.includes(`ControlPath=${connection}`));
    assert.ok(options.includes("ControlMaster=auto"));
    assert.equal(statSync(join(folder, "run")).mode & 0o777, 0o700);
  });

  it("is not made where others could come near it: each command has one of its own then", () => {
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o755);
    assert.deepEqual(sharedConnection({ connection: join(open, "x.ssh") }), []);
    chmodSync(open, 0o700);
    assert.notDeepEqual(sharedConnection({ connection: join(open, "x.ssh") }), [], "the control");
    symlinkSync(open, join(folder, "link"));
    assert.deepEqual(sharedConnection({ connection: join(folder, "link", "x.ssh") }), [], "a link may lead anywhere");
    writeFileSync(join(folder, "file"), "");
    assert.deepEqual(sharedConnection({ connection: join(folder, "file", "x.ssh") }), []);
  });

  it("is not made where the socket's path is too long, or ssh would read more into it", () => {
    mkdirSync(join(folder, "run"), { mode: 0o700 });
    for (const name of [`${"x".repeat(90)}.ssh`, "%h.ssh", "a b.ssh", 'a".ssh']) {
      assert.deepEqual(sharedConnection({ connection: join(folder, "run", name) }), [], name);
    }
  });

  it("has a name of its own for each machine, short enough for every system", () => {
    const [one, two] = [pathsIn("/a/one"), pathsIn("/a/two")];
    assert.notEqual(one.connection, two.connection);
    assert.ok(one.connection.length <= 86, one.connection);
  });

  it("is gone when it is ended, also when nobody listens any more", async () => {
    const connection = join(folder, "x.ssh");
    await endConnection({ connection });
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(connection, resolve));
    await endConnection({ connection });
    assert.ok(!existsSync(connection));
    server.close();
  }).timeout(10_000);
});
