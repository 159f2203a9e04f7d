import assert from "node:assert/strict";
import { SESSION_USERS } from "../../../../contract/users.ts";
import {
  chooseUid,
  groupInside,
  parsePasswd,
  passwdInside,
  useraddArguments,
} from "../../../../guest/sessions/users.ts";

describe("session users", () => {
  it("are read from passwd(5)", () => {
    const text = "root:x:0:0:root:/root:/bin/bash\nbroken\n\nx:x:20001:20002::/sessions/x:/bin/bash\n:x:1:1::/:/\n";
    assert.deepEqual(parsePasswd(text), [
      { name: "root", uid: 0, gid: 0, home: "/root" },
      { name: "x", uid: 20_001, gid: 20_002, home: "/sessions/x" },
    ]);
  });

  it("get an id of their own range that nobody has", () => {
    assert.equal(
      chooseUid(new Set(), () => 17),
      SESSION_USERS.from + 17,
    );
    const last = SESSION_USERS.to - SESSION_USERS.from;
    const taken = new Set([SESSION_USERS.to, SESSION_USERS.from]);
    assert.equal(
      chooseUid(taken, () => last),
      SESSION_USERS.from + 1,
    );
  });

  it("cannot be made when every id is taken, which is said", () => {
    const all = new Set(
      Array.from({ length: SESSION_USERS.to - SESSION_USERS.from + 1 }, (_, i) => SESSION_USERS.from + i),
    );
    assert.throws(() => chooseUid(all), /all 40000 user ids of sessions are taken/);
  });

  it("are made without home, mail or subordinate ids", () => {
    assert.deepEqual(useraddArguments("x", 20_001, "/sessions/x"), [
      ...["useradd", "--uid", "20001", "--user-group", "--no-create-home", "--no-log-init"],
      ...["--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0", "--key", "UID_MAX=19999"],
      ...["--home-dir", "/sessions/x", "--shell", "/bin/bash", "x"],
    ]);
  });

  it("see no other user", () => {
    const account = { name: "x", uid: 20_001, gid: 20_002, home: "/sessions/x" };
    assert.deepEqual(
      parsePasswd(passwdInside(account)).map(({ name, uid }) => [name, uid]),
      [
        ["root", 0],
        ["nobody", 65_534],
        ["x", 20_001],
      ],
    );
    assert.equal(groupInside(account), "root:x:0:\nnogroup:x:65534:\nx:x:20002:\n");
  });
});
