import assert from "node:assert/strict";
import { bridgesScript, bwrapArguments, launchArguments, type SandboxSpec } from "../../../../guest/sandbox/bwrap.ts";
import { sessionEnvironment } from "../../../../guest/sandbox/environment.ts";
import { runtimeFiles } from "../../../../guest/sandbox/paths.ts";

const RUN = "/run/cloister/sessions/brave-loving-maxwell";

const spec: SandboxSpec = {
  home: "/sessions/brave-loving-maxwell",
  cwd: "/sessions/brave-loving-maxwell",
  uid: 20_017,
  gid: 20_018,
  hostname: "claude",
  layout: {
    shown: [
      { path: "/usr", kind: "folder" },
      { path: "/bin", kind: "link", target: "usr/bin" },
      { path: "/etc", kind: "folder" },
    ],
    emptied: ["/etc/ssh"],
  },
  empty: `${RUN}/empty`,
  scratch: {
    kind: "launcher",
    folder: `${RUN}/scratch`,
    sizeMiB: 512,
    shown: [
      { name: "site", mode: "ro", descriptor: 20 },
      { name: "work", mode: "rw", descriptor: 21 },
    ],
  },
  outside: { cgroup: "/sys/fs/cgroup/a.scope", openFiles: 524_288, parent: 4242, since: 17n },
  passwd: `${RUN}/passwd`,
  group: `${RUN}/group`,
  sockets: `${RUN}/egress`,
  runtime: runtimeFiles(),
  environment: { HOME: "/sessions/brave-loving-maxwell", ODD: "a b\n'\"$" },
  command: ["sh", "-c", "echo 'a b'"],
};

/** Flags of bubblewrap 0.6.1 (bwrap(1) of that version), with the number of words each takes. */
const FLAGS: Readonly<Record<string, number>> = {
  "--unshare-user": 0,
  "--unshare-pid": 0,
  "--unshare-net": 0,
  "--unshare-ipc": 0,
  "--unshare-uts": 0,
  "--unshare-cgroup": 0,
  "--uid": 1,
  "--gid": 1,
  "--hostname": 1,
  "--die-with-parent": 0,
  "--new-session": 0,
  "--cap-drop": 1,
  "--proc": 1,
  "--dev": 1,
  "--bind": 2,
  "--ro-bind": 2,
  "--dev-bind": 2,
  "--symlink": 2,
  "--tmpfs": 1,
  "--dir": 1,
  "--remount-ro": 1,
  "--chdir": 1,
  "--clearenv": 0,
  "--setenv": 2,
  "--seccomp": 1,
  "--userns": 1,
};

/** Splits the line into flags with their words, as bubblewrap reads it. */
function parse(args: readonly string[]): { flags: string[][]; command: string[] } {
  const flags: string[][] = [];
  for (let i = 0; i < args.length; ) {
    const flag = args[i] ?? "";
    if (flag === "--") return { flags, command: args.slice(i + 1) };
    const words = FLAGS[flag];
    assert.notEqual(words, undefined, `${flag} is not in bubblewrap 0.6.1`);
    flags.push(args.slice(i, i + 1 + (words ?? 0)));
    i += 1 + (words ?? 0);
  }
  throw new Error("no command");
}

describe("bubblewrap's line", () => {
  const { flags, command } = parse(bwrapArguments(spec));
  const has = (...words: string[]) => flags.some((flag) => flag.join(" ") === words.join(" "));

  it("is this", () => {
    assert.deepEqual(
      flags.map((flag) => flag.join(" ")),
      [
        "--userns 11",
        "--uid 20017",
        "--gid 20018",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup",
        "--hostname claude",
        "--die-with-parent",
        "--new-session",
        "--cap-drop ALL",
        "--proc /proc",
        "--dev /dev",
        "--dev-bind /dev/null /proc/locks",
        `--bind ${RUN}/scratch/tmp /tmp`,
        `--bind ${RUN}/scratch/shm /dev/shm`,
        `--dev-bind ${RUN}/scratch/pts /dev/pts`,
        "--ro-bind /usr /usr",
        "--symlink usr/bin /bin",
        "--ro-bind /etc /etc",
        "--ro-bind /opt/cloister/ssh /etc/ssh",
        "--dir /run",
        "--dir /sessions",
        "--dir /var/log",
        "--dir /var/cache",
        "--dir /root",
        "--dir /home",
        "--dir /mnt",
        "--dir /srv",
        `--ro-bind ${RUN}/passwd /etc/passwd`,
        `--ro-bind ${RUN}/group /etc/group`,
        "--symlink ../tmp /var/tmp",
        `--ro-bind ${RUN}/egress /run/cloister/egress`,
        `--ro-bind ${RUN}/scratch/programs /run/cloister/programs`,
        "--bind /sessions/brave-loving-maxwell /sessions/brave-loving-maxwell",
        `--bind ${RUN}/scratch/mnt /sessions/brave-loving-maxwell/mnt`,
        "--remount-ro /dev",
        "--remount-ro /",
        "--chdir /sessions/brave-loving-maxwell",
        "--clearenv",
        "--setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "--seccomp 10",
      ],
    );
  });

  it("starts bash, the bridges, and then the command under the second filter", () => {
    assert.deepEqual(command, [
      ...["/run/cloister/programs/bash", "--norc", "--noprofile", "-c"],
      ...[bridgesScript("/run/cloister/programs/socat"), "bash"],
      ...[
        "/opt/cloister/bin/apply-seccomp",
        "--wait",
        "3128,1080",
        "--mark",
        "4",
        "--environment",
        "3",
        "--guard",
        "12",
      ],
      ...["--filter", "/opt/cloister/seccomp/unix.bpf", "--", "sh", "-c", "echo 'a b'"],
    ]);
  });

  it("makes everything that bubblewrap mounts itself read-only, after the last mount", () => {
    const last = flags.findLastIndex(([flag]) => ["--bind", "--ro-bind", "--dir", "--symlink"].includes(flag ?? ""));
    for (const path of ["/", "/dev"]) {
      assert.ok(flags.findIndex((flag) => flag.join(" ") === `--remount-ro ${path}`) > last);
    }
  });

  it("has no value of the environment, nor have bash and the bridges: the command alone reads it from a descriptor", () => {
    const { command: line, secrets } = launchArguments(spec);
    assert.ok(!line.some((word) => word.includes("ODD")));
    assert.deepEqual(
      flags.filter(([flag]) => flag === "--setenv").map(([, name]) => name),
      ["PATH"],
    );
    assert.equal(secrets, "HOME=/sessions/brave-loving-maxwell\0ODD=a b\n'\"$\0");
  });

  it("shows the home, and what is mounted in it, last: its links lead nothing else astray", () => {
    const home = flags.findIndex((flag) => flag.join(" ") === `--bind ${spec.home} ${spec.home}`);
    const after = flags.slice(home + 1).filter(([flag]) => /bind$|^--dir$|symlink|tmpfs/.test(flag ?? ""));
    assert.deepEqual(after, [["--bind", `${RUN}/scratch/mnt`, `${spec.home}/mnt`]]);
  });

  it("never shows the whole root", () => {
    assert.ok(!has("--ro-bind", "/", "/") && !has("--bind", "/", "/"));
  });

  it("gives no part of the command to a shell: not its words, not the paths", () => {
    const words = bwrapArguments({ ...spec, command: ["echo", "$(reboot)", "; reboot", "`reboot`"] });
    assert.deepEqual(words.slice(-3), ["$(reboot)", "; reboot", "`reboot`"]);
    assert.ok(!bridgesScript().includes(spec.home));
  });

  it("is preceded by all that takes root, which then becomes the session's user", () => {
    const { command: line, descriptors } = launchArguments(spec);
    const end = line.indexOf("--");
    assert.deepEqual(line.slice(0, end), [
      ...[
        "/opt/cloister/bin/apply-seccomp",
        "launch",
        "--fd",
        "10=/opt/cloister/seccomp/base.bpf",
        "--keep",
        "3",
        "--keep",
        "4",
      ],
      ...[
        "--filter",
        "/opt/cloister/seccomp/launcher.bpf",
        "--cgroup",
        "/sys/fs/cgroup/a.scope",
        "--user",
        "20017:20018",
      ],
      ...[
        "--open-files",
        "524288",
        "--parent",
        "4242",
        "--userns",
        "11",
        "--scratch",
        `${RUN}/scratch`,
        "--tmp-mib",
        "512",
      ],
      ...["--program", "bwrap", "--program", "bash", "--program", "socat"],
      ...["--folder", "5:ro:site", "--folder", "6:rw:work"],
      ...["--guard", "12", "--since", "17", "--folders-at", "/sessions/brave-loving-maxwell/mnt"],
    ]);
    assert.equal(line[end + 1], `${RUN}/scratch/programs/bwrap`);
    assert.deepEqual(descriptors, [20, 21]);
  });

  it("starts no guard where a mount itself says all about deleting", () => {
    const shown = [{ name: "a", mode: "rwd", descriptor: 20 } as const];
    const scratch = { kind: "launcher", folder: `${RUN}/scratch`, sizeMiB: 512, shown } as const;
    assert.ok(!launchArguments({ ...spec, scratch }).command.includes("--guard"));
  });

  it("is started by an ordinary user too, who makes the user namespace by bubblewrap", () => {
    const { outside: _, ...rest } = spec;
    const line = launchArguments({ ...rest, scratch: { kind: "folders", tmp: "/a", shm: "/b" } }).command.join(" ");
    assert.match(line, / -- bwrap --unshare-user .* --bind \/a \/tmp --bind \/b \/dev\/shm .* -- bash --norc /s);
    assert.doesNotMatch(line, /--userns|--scratch|--user /);
  });

  it("bounds /tmp and /dev/shm where bubblewrap makes them", () => {
    const text = bwrapArguments({ ...spec, scratch: { kind: "tmpfs", sizeBytes: 1024 } }).join(" ");
    assert.match(text, /--size 1024 --tmpfs \/tmp --size 1024 --tmpfs \/dev\/shm /);
    assert.doesNotMatch(text, /scratch\/(tmp|shm)/);
  });
});

describe("a session's environment", () => {
  const spec = {
    session: "brave-loving-maxwell",
    home: "/sessions/brave-loving-maxwell",
    token: "0123",
    path: ["/opt/cloister/bin"],
  };
  const made = sessionEnvironment({ ...spec, extra: { EXTRA: "1" } });

  it("leads to both proxies", () => {
    const http = "http://srt:0123@localhost:3128";
    const socks = "socks5h://srt:0123@localhost:1080";
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) {
      assert.deepEqual([made[name], made[name.toLowerCase()]], [http, http], name);
    }
    assert.deepEqual([made["FTP_PROXY"], made["ftp_proxy"]], [socks, undefined]);
    assert.deepEqual([made["YARN_HTTP_PROXY"], made["YARN_HTTPS_PROXY"]], [http, http]);
    // The reference's value in upper case (E2), and one that gRPC and httpx know in lower case, which they read.
    for (const name of ["ALL_PROXY", "GRPC_PROXY"]) {
      assert.deepEqual([made[name], made[name.toLowerCase()]], [socks, http], name);
    }
    assert.equal(made["RSYNC_PROXY"], "srt:0123@localhost:3128");
    assert.equal(made["JAVA_TOOL_OPTIONS"], "-javaagent:/opt/cloister/lib/srt-proxy-agent.jar");
    assert.match(made["GIT_SSH_COMMAND"] ?? "", /ControlMaster=no .*ControlPath=none .*\/bin\/proxied connect %h %p'$/);
    assert.equal(made["NO_PROXY"], "localhost,127.0.0.1,::1");
    assert.equal(made["EXTRA"], "1");
  });

  it("has what the operator says in the place of its own", () => {
    const extra = { HTTPS_PROXY: "http://other.example:1", all_proxy: "", NO_PROXY: "*", JAVA_TOOL_OPTIONS: "" };
    const replaced = sessionEnvironment({ ...spec, extra });
    for (const [name, value] of Object.entries(extra)) assert.equal(replaced[name], value, name);
    assert.equal(replaced["https_proxy"], made["https_proxy"], "names are taken as they are written");
  });

  it("has no terminal unless there is one", () => {
    assert.equal(made["TERM"], undefined);
  });

  it("finds the runtime image's programs first", () => {
    assert.match(made["PATH"] ?? "", /^\/opt\/cloister\/bin:\/usr\/local\/sbin:/);
  });
});
