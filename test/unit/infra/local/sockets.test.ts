import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  makeOursAlone,
  SOCKET_PATH_BYTES,
  shortTemporaryFolder,
  socketFolder,
} from "../../../../infra/local/sockets.ts";
import { userId } from "../../../../lib/home.cjs";

describe("the folder for a machine's sockets", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-sockets-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const own = (temporary: string): string => join(temporary, `cloister-${userId()}`);

  it("is the session's, where that is this user's alone", () => {
    assert.equal(socketFolder({ XDG_RUNTIME_DIR: folder }, "/tmp"), folder);
    chmodSync(folder, 0o777);
    assert.equal(socketFolder({ XDG_RUNTIME_DIR: folder }, "/tmp"), own("/tmp"), "everybody may write there");
  });

  it("is below the folder for temporary files where the session's is missing, relative or too long", () => {
    const long = join(folder, "r".repeat(SOCKET_PATH_BYTES));
    mkdirSync(long, { mode: 0o700 });
    for (const XDG_RUNTIME_DIR of [undefined, "", "relative", "/nonexistent/run", long])
      assert.equal(socketFolder({ XDG_RUNTIME_DIR }, folder), own(folder), XDG_RUNTIME_DIR);
  });

  it("is below the folder for temporary files where the session's cannot be looked at", () => {
    const loop = join(folder, "loop");
    symlinkSync(loop, loop);
    assert.equal(socketFolder({ XDG_RUNTIME_DIR: join(loop, "run") }, folder), own(folder));
  });

  it("is below /tmp where the folder for temporary files is missing, relative or too long", () => {
    const long = join(folder, "t".repeat(SOCKET_PATH_BYTES));
    mkdirSync(long);
    for (const temporary of ["/nonexistent/tmp", "relative", long]) {
      assert.equal(socketFolder({}, temporary), own("/tmp"));
      assert.equal(shortTemporaryFolder(temporary), "/tmp");
    }
    assert.equal(shortTemporaryFolder(folder), folder, "the control");
  });

  it("has room for every socket's name", () => {
    const longest = join(socketFolder({}, `/${"t".repeat(200)}`), "cloister-0123456789abcdef.qmp");
    assert.ok(Buffer.byteLength(longest) <= SOCKET_PATH_BYTES, longest);
  });

  it("is not taken from somebody else who made it first", () => {
    const made = join(folder, "made");
    assert.ok(makeOursAlone(made));
    chmodSync(made, 0o755);
    assert.ok(!makeOursAlone(made));
  });
});
