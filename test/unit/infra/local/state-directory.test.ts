import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { stopMachine } from "../../../../infra/local/host/process.ts";
import { pathsIn } from "../../../../infra/local/paths.ts";
import { removeMachine } from "../../../../infra/local/remove.ts";
import { isOwnGroup } from "../../../../infra/local/state-folder.ts";
import { sshKey } from "../../../../infra/local/steps/ssh-key.ts";
import { stateDirectory } from "../../../../infra/local/steps/state-directory.ts";
import { runStep } from "../../../../infra/local/steps/step.ts";
import { localKeys } from "../../../../infra/settings/keys/local.ts";

const US = 54_321;
const STRANGER = 12_345;

describe("the folder of a machine's files", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-state-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const make = async (root: string) => await stateDirectory.create({ root }, pathsIn(root));
  const modeOf = (path: string): number => statSync(path).mode & 0o777;

  /** A folder with this mode, in which an earlier version made a key and files. */
  const earlier = async (mode: number): Promise<string> => {
    const root = join(folder, "state");
    mkdirSync(root);
    await sshKey.create({ root }, pathsIn(root));
    writeFileSync(join(root, "session.qcow2"), "disk");
    writeFileSync(join(root, "console.log"), "");
    chmodSync(root, mode);
    return root;
  };

  /** Does it as an ordinary user; root's tests only. */
  const asUser = async <T>(task: () => Promise<T>): Promise<T> => {
    const { getuid, seteuid } = process;
    process.getuid = () => US;
    seteuid?.(US);
    try {
      return await task();
    } finally {
      seteuid?.(0);
      if (getuid) process.getuid = getuid;
    }
  };

  it("is this user's alone: a new one, and one that others could look into before", async () => {
    const made = join(folder, "a", "b");
    await make(made);
    assert.equal(modeOf(made), 0o700);
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    await make(open);
    assert.equal(modeOf(open), 0o700);
    symlinkSync(open, join(folder, "link"));
    chmodSync(open, 0o755);
    await make(join(folder, "link"));
    assert.equal(modeOf(open), 0o700, "a link to a folder elsewhere is one");
  });

  it("is not another user's", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const theirs = join(folder, "theirs");
    mkdirSync(theirs);
    chmodSync(folder, 0o755);
    chownSync(theirs, STRANGER, STRANGER);
    // Root may use anybody's: it can do nothing about their rights.
    await make(theirs);
    await asUser(async () => await assert.rejects(make(theirs), /belongs to another user/));
  });

  it("is taken with the files of an earlier version, whatever its mode, when all of them are ours", async () => {
    for (const mode of [0o700, 0o755, 0o775, 0o777]) {
      const root = await earlier(mode);
      const key = readFileSync(pathsIn(root).sshKey, "utf8");
      await make(root);
      assert.equal(modeOf(root), 0o700);
      assert.equal(readFileSync(pathsIn(root).sshKey, "utf8"), key);
      // The step runs again when its input changes, as when an earlier version wrote it in another way.
      await make(root);
      await stateDirectory.remove({ root }, pathsIn(root));
      assert.equal(readFileSync(pathsIn(root).sessionDisk, "utf8"), "disk", "what is not the step's own stays");
      await removeMachine(pathsIn(root));
      assert.throws(() => statSync(root), /ENOENT/, "nothing is left");
    }
  });

  it("is not taken with another user's key in it: they would have the operator's login", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const root = await earlier(0o777);
    const { sshKey: key } = pathsIn(root);
    chownSync(key, STRANGER, STRANGER);
    await assert.rejects(
      make(root),
      /open for others to write in, and ssh\/id_ed25519 in it may be theirs: .*chmod 700/,
    );
    assert.equal(modeOf(root), 0o777, "nothing was changed");
    await assert.rejects(make(root), /may be theirs/, "nor is it taken the next time");
    rmSync(key);
    await make(root);
    assert.match(await sshKey.create({ root }, pathsIn(root)), /^ssh-ed25519 /);
  });

  it("is not taken with links in it, which lead what is written elsewhere, nor with files that others write", async () => {
    const precious = join(folder, "precious");
    writeFileSync(precious, "precious");
    const plants: readonly ((path: string) => void)[] = [
      (path) => symlinkSync(precious, path),
      (path) => linkSync(precious, path),
      (path) => {
        writeFileSync(path, "");
        chmodSync(path, 0o666);
      },
      (path) => {
        mkdirSync(path);
        symlinkSync(precious, join(path, "x"));
      },
    ];
    for (const plant of plants) {
      const root = await earlier(0o777);
      const { qemuLog } = pathsIn(root);
      plant(qemuLog);
      await assert.rejects(make(root), /qemu\.log.* in it may be theirs/);
      rmSync(qemuLog, { recursive: true });
      await make(root);
      rmSync(root, { recursive: true });
      assert.equal(readFileSync(precious, "utf8"), "precious");
    }
    // The control: in a folder that only its owner could write in, a link is the owner's own.
    const root = await earlier(0o755);
    symlinkSync(precious, pathsIn(root).qemuLog);
    await make(root);
  });

  it("is taken where the umask lets the user's own group write to all, and with no other group's files", async function () {
    if (process.getuid?.() !== 0 || !isOwnGroup(0)) this.skip();
    for (const group of [0, STRANGER]) {
      const root = await earlier(0o775);
      const { sessionDisk } = pathsIn(root);
      chmodSync(sessionDisk, 0o664);
      chownSync(sessionDisk, 0, group);
      if (group === 0) await make(root);
      else await assert.rejects(make(root), /session\.qcow2 in it may be theirs/);
      rmSync(root, { recursive: true });
    }
  });

  it("tells one that a killed run has closed, but not yet looked at, from one that is ours", async () => {
    const root = await earlier(0o722);
    symlinkSync("/nowhere", pathsIn(root).qemuLog);
    await assert.rejects(make(root), /may be theirs/);
  });

  it("is closed by any other step of an earlier version's stack, or refused", async () => {
    const root = await earlier(0o777);
    const env = { CLOISTER_STEP_INPUT: JSON.stringify({ root }) };
    const step = { create: async () => "", remove: async () => undefined };
    symlinkSync("/nowhere", join(root, "root.qcow2.part"));
    await assert.rejects(runStep(step, "create", env), /root\.qcow2\.part in it may be theirs/);
    await runStep(step, "delete", env);
    rmSync(join(root, "root.qcow2.part"));
    await runStep(step, "create", env);
    assert.equal(modeOf(root), 0o700);
  });

  it("has a record of its machine only from us: a stranger's names files of ours as its socket, to be removed", async function () {
    if (process.getuid?.() !== 0) this.skip();
    chmodSync(folder, 0o777);
    const root = join(folder, "state");
    mkdirSync(root);
    for (const owner of [STRANGER, US]) {
      const precious = join(folder, `precious-${owner}`);
      const record = pathsIn(root).process;
      writeFileSync(precious, "precious");
      writeFileSync(record, JSON.stringify({ control: precious }));
      chownSync(root, US, US);
      chmodSync(root, 0o777);
      chownSync(record, owner, owner);
      await asUser(async () => await stopMachine(pathsIn(root), 0));
      const left = statSync(precious, { throwIfNoEntry: false }) !== undefined;
      assert.equal(left, owner === STRANGER, owner === US ? "the control: our own record is obeyed" : "it was removed");
    }
  });

  it("can be made by the command that the documentation gives, where only root may", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const [, command = ""] = /`sudo (install [^`]+)`/.exec(localKeys.stateDirectory.description ?? "") ?? [];
    const root = join(folder, "state");
    chmodSync(folder, 0o755);
    mkdirSync(root);
    await asUser(async () => await assert.rejects(make(root), /belongs to another user/, "the control: root's own"));
    rmSync(root, { recursive: true });
    await execa("sh", ["-c", command.replace("/var/lib/cloister", root)], { env: { USER: String(US) } });
    await asUser(async () => await make(root));
  });
});

describe("a group of one's own", () => {
  const us = { username: "ann", gid: 1000 };
  const users = [
    ["ann", "x", "1000", "1000"],
    ["bob", "x", "1001", "1001"],
  ];

  it("is the primary one, with the user's name, in which nobody else is", () => {
    assert.equal(isOwnGroup(1000, us, [["ann", "x", "1000", ""]], users), true);
    assert.equal(isOwnGroup(1000, us, [["ann", "x", "1000", "ann"]], users), true);
    const others: readonly [number, string[][], string[][]][] = [
      [1000, [["staff", "x", "1000", ""]], users],
      [1000, [["ann", "x", "1000", "bob"]], users],
      [1000, [["ann", "x", "1000", "ann,bob"]], users],
      [1000, [["ann", "x", "1000", ""]], [...users, ["eve", "x", "1002", "1000"]]],
      [1000, [], users],
      [1001, [["bob", "x", "1001", ""]], users],
    ];
    for (const [gid, groups, all] of others)
      assert.equal(isOwnGroup(gid, us, groups, all), false, JSON.stringify(groups));
    assert.equal(isOwnGroup(1000, undefined, [["ann", "x", "1000", ""]], users), false);
  });
});
