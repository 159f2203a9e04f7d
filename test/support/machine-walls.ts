import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

interface Finished {
  readonly exitCode?: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command on the machine, as root. */
export type OnMachine = (...command: string[]) => Promise<Finished>;

/** A user id of sessions that nobody has. */
const NOBODYS = "43210";

/** Connects to sockets of the machine, one a line: what it was, and how it went. */
const CONNECTS = `
import socket, sys
for path in sys.argv[1:]:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(socket.AF_UNIX, kind).connect(path)
            print("connected", path)
        except OSError as error:
            if error.errno != 91: print(error.strerror, path)
`;

const SOCKETS = [
  "/run/dbus/system_bus_socket",
  "/run/systemd/journal/stdout",
  "/run/systemd/journal/socket",
  "/dev/log",
  "/run/systemd/notify",
  "/run/systemd/resolve/io.systemd.Resolve",
];

/** What stays closed to a process that got out of a session, and what the supervisor of a session can do. */
export function wallCases({ onMachine }: { readonly onMachine: OnMachine }): void {
  const sh = async (script: string) => await onMachine("sh", "-c", script);
  const ok = async (script: string) => {
    const { exitCode, stdout, stderr } = await sh(script);
    assert.equal(exitCode, 0, stderr);
    return stdout.trim();
  };
  const as = (uid: string, ...command: string[]) =>
    onMachine("setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", ...command);

  it("has a kernel with strict settings", async () => {
    const setting = async (name: string) => Number(await ok(`cat /proc/sys/${name}`));
    assert.ok((await setting("kernel/yama/ptrace_scope")) >= 1);
    assert.ok((await setting("kernel/kptr_restrict")) >= 2);
    assert.ok((await setting("kernel/unprivileged_bpf_disabled")) >= 1);
    assert.equal(await setting("kernel/unprivileged_userns_clone"), 0);
    assert.equal(await setting("fs/suid_dumpable"), 0);
    assert.notEqual((await as(NOBODYS, "unshare", "--user", "true")).exitCode, 0);
    // The control: root may.
    assert.equal((await onMachine("unshare", "--user", "true")).exitCode, 0);
  });

  it("loads no kernel module once it is up, and can load its packet filter again", async () => {
    await ok("systemctl is-active --quiet cloister-verify");
    for (let tries = 0; (await sh("systemctl is-active --quiet cloister-modules")).exitCode !== 0; tries++) {
      assert.ok(tries < 60, "modules were not locked");
      await sleep(1_000);
    }
    // The control: there is such a module, and it is not loaded.
    const module = await ok(
      "for m in dummy veth ifb; do modinfo -n $m >/dev/null 2>&1 && ! lsmod | grep -q ^$m && echo $m && break; done",
    );
    const loaded = await onMachine("modprobe", module);
    assert.match(loaded.stderr, /Operation not permitted/);
    await ok("nft -f /opt/cloister/boot/wall.nft");
  });

  it("keeps users of sessions from its sockets, and no one else", async () => {
    const connect = async (uid: string) =>
      (await as(uid, "python3", "-c", CONNECTS, ...SOCKETS)).stdout.trim().split("\n");
    const theirs = await connect(NOBODYS);
    assert.deepEqual(
      theirs.filter((line) => !line.startsWith("Operation not permitted")),
      [],
      theirs.join("\n"),
    );
    const control = await connect(await ok("id -u operator"));
    for (const path of SOCKETS) assert.ok(control.includes(`connected ${path}`), control.join("\n"));
    assert.notEqual((await as(NOBODYS, "busctl", "list")).exitCode, 0);
    assert.equal((await onMachine("sudo", "-u", "operator", "busctl", "list")).exitCode, 0);
  });

  it("runs the supervisor of a session in a unit of its own, with the least rights", async () => {
    const running = onMachine("cloister", "run", "--", "sh", "-c", "sleep 600");
    try {
      // It takes its arguments out of its command line.
      let pid = "";
      for (let tries = 0; pid === ""; tries++) {
        assert.ok(tries < 60, "the supervisor was not seen");
        await sleep(500);
        pid = (await sh("pgrep -f '^cloister run'")).stdout.trim();
      }
      const scope = /^0::\/supervisors\.slice\/(cloister-supervisor-\d+-[0-9a-f]{8}\.scope)$/m.exec(
        await ok(`cat /proc/${pid}/cgroup`),
      )?.[1];
      assert.ok(scope !== undefined, "it is in the scope of somebody else");
      assert.equal(await ok(`systemctl show --value -p MemoryMax ${scope}`), String(2 ** 30));
      const status = await ok(`cat /proc/${pid}/status`);
      const bounding = BigInt(`0x${/^CapBnd:\s+(\w+)$/m.exec(status)?.[1]}`);
      // SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_BOOT, NET_ADMIN, MKNOD, BPF; and the control, SYS_ADMIN.
      for (const capability of [16n, 17n, 19n, 22n, 12n, 27n, 39n]) assert.equal((bounding >> capability) & 1n, 0n);
      assert.equal((bounding >> 21n) & 1n, 1n);
      assert.match(status, /^Seccomp:\s+2$/m);
      const seen = async (folder: string) => await ok(`ls -A /proc/${pid}/root${folder} | wc -l`);
      for (const folder of ["/boot", "/etc/ssh", "/var/log"]) {
        assert.equal(await seen(folder), "0", folder);
        assert.notEqual(await ok(`ls -A ${folder} | wc -l`), "0", folder);
      }
      assert.equal(await ok(`ls /proc/${pid}/root/dev | grep -c nvme || true`), "0");
      // It runs compiled code that the boot's verification kept, and cannot change it.
      const code = "/run/cloister/code";
      assert.match(await ok(`ls ${code}`), /^cloister-program\.cjs-[0-9a-f]{32}-v[\d.]+-\w+$/m);
      assert.equal(await ok(`stat -c '%a %U' ${code}`), "700 root");
      const write = (to: string) => sh(`touch /proc/${pid}/root${to}/tried && rm /proc/${pid}/root${to}/tried`);
      assert.match((await write(code)).stderr, /Read-only file system/);
      assert.equal((await write("/run/cloister")).exitCode, 0, "the control");
    } finally {
      // By its name: it may not have been found.
      await sh("pkill -TERM -f '^cloister run'");
      assert.equal((await running).exitCode, 143);
    }
  });

  it("has an audit log of its own, which only root writes to", async () => {
    const run = await onMachine("cloister", "run", "--json", "--", "curl", "-s", "http://denied.example/x");
    const { session } = JSON.parse(run.stdout) as { session: string };
    await sleep(1_000);
    const rows = (await ok(`cloister audit --session ${session}`)).split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(
      rows.map(({ host, verdict }) => [host, verdict]),
      [["denied.example", "denied"]],
    );
    const forged = JSON.stringify({ session: "forged-by-nobody", verdict: "allowed" });
    for (const write of ["systemd-cat --namespace=cloister-audit -t cloister-egress", "logger -t cloister-egress"]) {
      await sh(`echo '${forged}' | setpriv --reuid ${NOBODYS} --regid ${NOBODYS} --clear-groups ${write}`);
    }
    await ok("sudo -u operator systemd-cat -t cloister-egress echo forged-by-nobody");
    await sleep(1_000);
    assert.equal((await sh("cloister audit --session forged-by-nobody")).stdout, "");
    // The control: somebody's row is in the main journal, where readers do not look.
    assert.match(await ok("journalctl -t cloister-egress -o cat"), /forged-by-nobody/);
  });
}
