# One script, run inside a session and, as the control, by an ordinary user outside and by root.
PROBE = r'''
import base64
given = json.loads(sys.argv[1])
machine = os.uname().machine
arm = machine == "aarch64"
probe = json.loads(subprocess.run(["/opt/cloister/bin/probe", "attempts", "sockets", "status", "foreign", "shm", "filesystems", "environment", "fds"], capture_output=True, text=True).stdout)
found = {"probe": probe}
def fork(work):
    pid = os.fork()
    if pid == 0:
        end = 1
        try: end = 0 if work() == "ok" else 1
        finally: os._exit(end)
    return "ok" if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 else "refused"
unshare, setns, clone = (97, 268, 220) if arm else (272, 308, 56)
mount_, umount = (40, 39) if arm else (165, 166)
spaces = {}
for name, flag in {"user": 0x10000000, "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000, "net": 0x40000000, "time": 0x80}.items():
    spaces[f"unshare {name}"] = fork(lambda: called(unshare, flag))
    spaces[f"unshare {name} and user"] = fork(lambda: called(unshare, flag | 0x10000000))
args = struct.pack("QQQQQQQQ", 0x10000000, 0, 0, 0, 17, 0, 0, 0)
spaces["clone3 user"] = fork(lambda: "ok" if (p := libc.syscall(435, args, 64)) >= 0 and (p or os._exit(0)) else "no")
spaces["mount tmpfs"] = called(mount_, b"x", b"/tmp", b"tmpfs", 0, 0); spaces["bind"] = called(mount_, b"/etc", b"/tmp", 0, 4096, 0); spaces["remount"] = called(mount_, 0, b"/", 0, 32, 0); spaces["umount"] = called(umount, b"/proc", 2)
spaces["open_tree"] = called(428, -100, b"/tmp", 1); spaces["fsopen"] = called(430, b"tmpfs", 0); spaces["mount_setattr"] = called(442, -100, b"/", 0, struct.pack("QQQQ", 0, 1, 0, 0), 32); spaces["chroot"] = tried(lambda: os.chroot("/tmp"))
for n in ("user", "net", "mnt"): spaces[f"setns {n}"] = tried(lambda: (fd := os.open(f"/proc/1/ns/{n}", os.O_RDONLY)) and (libc.syscall(setns, fd, 0) == 0 or (_ for _ in ()).throw(OSError(1, ""))))
found["spaces"] = spaces
ipc = {"shmget": "ok" if libc.shmget(given["key"], 64, 0) >= 0 else "refused", "posix": tried(lambda: open("/dev/shm/" + given["posix"]).read()), "mq": tried(lambda: (_ for _ in ()).throw(OSError(1, "")) if libc.syscall(180 if arm else 240, given["posix"].encode(), 0, 0, 0) < 0 else None)}
found["ipc"] = ipc
found["keys"] = {"keyctl": called(219 if arm else 250, 0, -3, 0, 0, 0), "add_key": called(217 if arm else 248, b"user", b"x", b"y", 1, -3), "request_key": called(218 if arm else 249, b"user", b"x", 0, 0)}
found["personality"] = {"read implies exec": called(92 if arm else 135, 0x0400000), "no randomisation": called(92 if arm else 135, 0x0040000)}
libc.syscall(92 if arm else 135, 0)
def writes(path, text): return tried(lambda: put(path, text))
kernel = {
    "kmsg": tried(lambda: open("/dev/kmsg").read(1)), "kcore": tried(lambda: open("/proc/kcore", "rb").read(1)), "mem": tried(lambda: open("/dev/mem", "rb").read(1)), "sysrq": writes("/proc/sysrq-trigger", "h"), "core_pattern": writes("/proc/sys/kernel/core_pattern", "core"), "modprobe": writes("/proc/sys/kernel/modprobe", "/sbin/modprobe"),
    "oom -500": writes("/proc/self/oom_score_adj", "-500"), "hostname": tried(lambda: socket.sethostname("x")), "drop caches": writes("/proc/sys/vm/drop_caches", "1"), "settime": tried(lambda: time.clock_settime(0, time.time())), "nice -5": tried(lambda: os.nice(-5)),
    "mknod": tried(lambda: os.mknod("/tmp/null-x", stat.S_IFCHR | 0o600, os.makedev(1, 3))), "sched fifo": tried(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))), "ioprio": called(30 if arm else 251, 1, 0, (1 << 13) | 0),
    "rlimit": tried(lambda: __import__("resource").setrlimit(7, (2_000_000, 2_000_000))), "quotactl": called(60 if arm else 179, 0x80000700, b"/dev/nvme1n1", 0, 0), "acct": called(89 if arm else 163, 0), "nfsservctl": called(42 if arm else 180, 0, 0, 0) if arm else "ENOSYS",
    "ioperm": called(173, 0, 1, 1) if not arm else "ENOSYS", "iopl": called(172, 3) if not arm else "ENOSYS", "lookup_dcookie": called(18 if arm else 212, 0, 0, 0), "cgroup": tried(lambda: open("/sys/fs/cgroup/cgroup.procs").read()),
}
found["kernel"] = kernel
# Folders by what they show: some are there, and empty, or hold nothing but the session's own.
def shown(path):
    got = []
    end = tried(lambda: got.extend(os.listdir(path) if os.path.isdir(path) else [open(path, "rb").read(1).hex()]))
    return got if end == "ok" else end
found["files"] = {path: shown(path) for path in given["files"]}
found["written"] = {path: tried(lambda: open(path, "ab").close()) for path in given["written"]}
found["signals"] = {str(pid): tried(lambda: os.kill(pid, 0)) for pid in given["pids"]}
def terminal():
    import fcntl, termios
    master, slave = os.openpty()
    pid = os.fork()
    if pid == 0:
        os.setsid(); fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        os._exit(0 if tried(lambda: fcntl.ioctl(slave, termios.TIOCSTI, b"x")) == "ok" else 1)
    return "ok" if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 else "refused"
found["terminal"] = {"TIOCSTI": terminal()}
def becomes(line):
    try: return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip()
    except OSError as e: return errno.errorcode[e.errno]
found["uid"], found["name"] = os.getuid(), os.environ.get("USER", "")
found["suid"] = {line[0]: becomes(line) for line in given["suid"]}
found["locks"] = open("/proc/locks").read()
def cached(work):
    try: work()
    except BlockingIOError: return "told"   # EAGAIN: it is not in memory
    except OSError as e: return errno.errorcode.get(e.errno, str(e))
    return "told"
program = os.open("/usr/bin/python3", os.O_RDONLY)
class Range(ctypes.Structure): _fields_ = [("at", ctypes.c_uint64), ("length", ctypes.c_uint64)]
def cachestat():
    if libc.syscall(451, program, ctypes.byref(Range(0, 1 << 20)), (ctypes.c_uint64 * 5)(), 0) < 0: raise OSError(ctypes.get_errno(), "")
found["pages"] = {"preadv2": cached(lambda: os.preadv(program, [bytearray(4096)], 0, os.RWF_NOWAIT)), "cachestat": cached(cachestat), "plain preadv2": cached(lambda: os.preadv(program, [bytearray(4096)], 0, os.RWF_HIPRI))}
import resource
def crash(limit):
    pid = os.fork()
    if pid == 0:
        limit()
        os.kill(os.getpid(), signal.SIGSEGV); time.sleep(60)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])
nothing = (ctypes.c_ulong * 2)(0, 0)
found["crashes"] = given["crashes"] and [crash(lambda: None), crash(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))), crash(lambda: libc.syscall(164 if arm else 160, 4, nothing))]
events = {"contexts": 0, "end": None}
while events["contexts"] < 50:
    end = called(0 if arm else 206, 100, ctypes.byref(ctypes.c_ulong(0)))
    if end != "ok": events["end"] = end; break
    events["contexts"] += 1
events["of the machine's"] = int(open("/proc/sys/fs/aio-nr").read())
found["events"] = events
found["tmp"] = {"write": tried(lambda: open("/tmp/own", "w").close()), "other": os.path.exists("/tmp/" + given["posix"])}
say(found)
'''



def put_pattern(text):
    with open("/proc/sys/kernel/core_pattern", "w") as file:
        file.write(text)


NAMES = ("namespaces", "sockets", "keyrings", "ipc", "descriptors", "personality", "tmpfs", "environment", "tmp", "kernel", "processes", "terminal", "foreign", "suid", "files", "processor", "locks", "crash", "events", "pages")
with checks(*(f"reference.{name}" for name in NAMES)):
    word = f"escape-{TAG}"
    segment = as_uid(0, "print(json.dumps({'id': libc.shmget(%d, 64, 0o1666)}))" % (0x5e000000 + int(TAG[:4], 16)))["id"]
    write(f"/dev/shm/{word}", "outside", 0o666)
    write(f"/tmp/{word}", "outside", 0o666)
    queue = as_uid(0, "print(json.dumps({'mq': libc.syscall(%d, b'%s', 0o102, 0o666, 0)}))" % (180 if os.uname().machine == "aarch64" else 240, word))
    sleeper = subprocess.Popen(["setpriv", "--reuid=59993", "--regid=59993", "--clear-groups", "sleep", "600"])
    suid = f"/usr/local/bin/{word}-id"
    shutil.copy("/usr/bin/id", suid)
    os.chmod(suid, 0o4755)
    capable = f"/usr/local/bin/{word}-python"
    shutil.copy(os.path.realpath("/usr/bin/python3"), capable)
    os.chmod(capable, 0o755)
    os.setxattr(capable, "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))  # CAP_NET_RAW
    given = {
        "key": 0x5e000000 + int(TAG[:4], 16), "posix": word, "pids": [1, os.getpid(), sleeper.pid],
        "files": ["/root", "/home", "/sessions", "/etc/shadow", "/etc/ssh/ssh_host_ed25519_key", "/etc/cloister", "/run/systemd", "/run/dbus", "/var/log", "/var/lib/cloud", "/boot", "/sys/kernel", "/sys/fs/cgroup", "/sys/class/net", "/proc/1/root", "/dev/nvme0n1", "/dev/vda", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/vsock"],
        "written": ["/etc/passwd", "/usr/bin/id", "/opt/cloister/bin/node", "/lib/x", "/run/x", "/x", "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward", "/sys/power/state", "/var/tmp/../x", "/sessions/x", "/dev/x", "/proc/1/comm"],
        "crashes": not CONTAINER,
        # What says nothing did not start: then nothing is shown.
        "suid": [[suid, "-u"], [capable, "-c", "import socket\ntry: socket.socket(17, 3, 0); print('packet')\nexcept OSError: print('refused')"]],
    }
    # A lock of an open file (F_OFD_SETLK is 37) belongs to no process, so no process namespace hides it.
    locked = f"/root/{word}-locked"
    holder = os.open(locked, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.fcntl(holder, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 11, 22, 0))
    lock = f":{os.fstat(holder).st_ino} "
    # A handler of crashes, which the kernel starts as root and outside of all namespaces. A container's is its computer's.
    crashes = f"/root/{word}-crashes"
    handler = write(f"/usr/local/bin/{word}-handler", f'#!/bin/sh\ncat > /dev/null\necho "$1 $(id -u)" >> {crashes}\n', 0o755)
    pattern = read("/proc/sys/kernel/core_pattern")
    if not CONTAINER:
        put_pattern(f"|{handler} %u")
    read_end, write_end = os.pipe()
    os.dup2(write_end, 251)
    os.set_inheritable(251, True)
    line = arguments(timeout=120) + ["/usr/bin/python3", "-c", INSIDE + PROBE, json.dumps(given)]
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=False, env={**os.environ, "CALLERS": "x"}, start_new_session=True)
    try:
        inside = ended(process).found()
        control_fds = subprocess.run(["ls", "/proc/self/fd"], capture_output=True, text=True, close_fds=False).stdout.split()
        os.close(251)
        user = as_uid(59994, PROBE, json.dumps(given), seconds=120, run=without_filters)
        if not CONTAINER:
            # It starts after the crash: by the last of these, which were later, the session's would have come.
            wait_for(lambda: (read(crashes) or "").count("59994 0") == 3, 10)
    finally:
        if not CONTAINER:
            put_pattern(pattern)
    root = as_uid(0, "say({'mount': called(%s, b'x', b'/mnt', b'tmpfs', 0, 0), 'unshare': called(%s, 0x20000)})" % (("40", "97") if os.uname().machine == "aarch64" else ("165", "272")), run=without_filters)
    ctypes.CDLL(None).umount2(b"/mnt", 0)

    def ok(part, who=inside, only=None):
        return sorted(name for name, end in who[part].items() if end == "ok" and (only is None or name in only))

    def probed(part, who=inside, only=None):
        return sorted(name for name, end in who["probe"][part].items() if end["ok"] and (only is None or name in only))

    attack("reference.namespaces", not ok("spaces"), {"succeeded": ok("spaces")})
    control("reference.namespaces", set(root.values()) == {"ok"}, f"outside: root mounts and unshares {root}; an ordinary user: {ok('spaces', user)}")
    risky = {"unix", "unix-dgram", "vsock", "packet", "alg", "bluetooth", "can", "xdp", "netlink-nf", "netlink-audit", "netlink-uevent", "inet-raw", "pair-dgram"}
    attack("reference.sockets", not probed("sockets", only=risky), {"made": probed("sockets", only=risky)})
    control("reference.sockets", len(probed("sockets", user, risky)) >= 4, f"an ordinary user makes {probed('sockets', user, risky)}")
    attack("reference.keyrings", not ok("keys"), inside["keys"])
    control("reference.keyrings", bool(ok("keys", user)), f"an ordinary user: {user['keys']}")
    attack("reference.ipc", not ok("ipc") and inside["probe"]["shm"] == {"shm": [], "sem": [], "msg": []}, {"ends": inside["ipc"], "seen": inside["probe"]["shm"]})
    control("reference.ipc", {"shmget", "posix"} <= set(ok("ipc", user)), f"an ordinary user: {user['ipc']}")
    extra = [one for one in inside["probe"]["fds"] if one["fd"] > 2]
    attack("reference.descriptors", not extra, {"inherited": extra})
    control("reference.descriptors", "251" in control_fds, f"an ordinary child has {control_fds}")
    attack("reference.personality", not ok("personality"), inside["personality"])
    control("reference.personality", bool(ok("personality", user)), f"an ordinary user: {user['personality']}")
    sizes = {path: one.get("sizeBytes", 0) >> 20 for path, one in inside["probe"]["filesystems"].items() if path in ("/tmp", "/dev/shm")}
    total = int(re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo")).group(1)) >> 10
    attack("reference.tmpfs", all(0 < size < total / 2 for size in sizes.values()), {"MB": sizes, "MB of memory": total})
    control("reference.tmpfs", all(inside["probe"]["filesystems"][path]["writable"] for path in sizes), "both can be written")
    attack("reference.environment", "CALLERS" not in inside["probe"]["environment"], {"variables": len(inside["probe"]["environment"])})
    control("reference.environment", subprocess.run(["sh", "-c", "echo $CALLERS"], env={"CALLERS": "x"}, capture_output=True, text=True).stdout == "x\n", "an ordinary child has the variable")
    attack("reference.locks", not inside["locks"], {"seen": inside["locks"]})
    control("reference.locks", lock in user["locks"], "an ordinary user outside sees the lock that root holds")
    attack("reference.tmp", inside["tmp"] == {"write": "ok", "other": False}, inside["tmp"])
    control("reference.tmp", user["tmp"]["other"], "outside it is there for all")
    dangerous = {"bpf", "perf_event_open", "fanotify_init", "userfaultfd", "io_uring_setup", "kexec_load", "init_module", "delete_module", "reboot", "swapon", "syslog", "unknown-call", "vmsplice"}
    # These two are calls of x86 alone.
    dangerous |= set() if os.uname().machine == "aarch64" else {"modify_ldt", "iopl"}
    refused = {name: end for name, end in inside["probe"]["attempts"].items() if name in dangerous and end.get("errno") not in ("EPERM", "ENOSYS")}
    done = [name for name in ok("kernel") if name not in ("nice -5", "sched fifo", "ioprio")]
    untried = sorted(dangerous - set(inside["probe"]["attempts"]))
    attack("reference.kernel", not refused and not done and not untried, {"reached": refused, "done": done, "not tried": untried})
    reached = {name: end.get("errno", "ok") for name, end in user["probe"]["attempts"].items() if name in dangerous and end.get("errno") not in ("EPERM", "ENOSYS")}
    control("reference.kernel", bool(reached), f"an ordinary user's calls get as far as their arguments: {reached}")
    tracing = {"ptrace", "process_vm_readv", "pidfd_getfd", "kcmp"}
    traced = {name: inside["probe"]["attempts"].get(name, "not tried") for name in tracing if inside["probe"]["attempts"].get(name, {}).get("errno") != "EPERM"}
    others = [pid for pid in ok("signals") if pid not in ("1",)]
    attack("reference.processes", not traced and not others, {"reached": traced, "signalled": others})
    # Inside, process 1 is the session's own bubblewrap: a signal to it is the session's own affair.
    control("reference.processes", sleeper.poll() is None and user["probe"]["attempts"]["ptrace"].get("errno") != "EPERM", f"the processes live; an ordinary user's ptrace: {user['probe']['attempts']['ptrace']}")
    attack("reference.terminal", not ok("terminal"), inside["terminal"])
    legacy = (read("/proc/sys/dev/tty/legacy_tiocsti") or "?").strip()
    as_root = as_uid(0, "import fcntl, termios\nm, s = os.openpty()\npid = os.fork()\nif pid == 0:\n    os.setsid(); fcntl.ioctl(s, termios.TIOCSCTTY, 0)\n    os._exit(0 if tried(lambda: fcntl.ioctl(s, termios.TIOCSTI, b'x')) == 'ok' else 1)\nsay({'end': os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])})", run=without_filters)
    control("reference.terminal", user["terminal"]["TIOCSTI"] == "ok" or as_root["end"] == 0 or legacy == "0", f"outside: an ordinary user {user['terminal']['TIOCSTI']}; dev.tty.legacy_tiocsti {legacy} (0: the kernel refuses all but root's)")
    if user["probe"]["foreign"].get("errno") == "ENOEXEC":
        absent("reference.foreign", user["probe"]["foreign"]["reason"])
    attack("reference.foreign", not inside["probe"]["foreign"].get("ok"), inside["probe"]["foreign"])
    control("reference.foreign", bool(user["probe"]["foreign"].get("ok")), f"outside: {user['probe']['foreign']}")
    attack("reference.suid", inside["suid"] == {suid: str(inside["uid"]), capable: "refused"}, {**inside["suid"], "the session's user": inside["uid"]})
    control("reference.suid", list(user["suid"].values()) == ["0", "packet"], f"an ordinary user becomes, and gets: {list(user['suid'].values())}")
    # Empty folders stand where bubblewrap needed them, and the session's own home is in one.
    own = {"/sessions": {inside["name"]}, "/home": {inside["name"]}}
    shown = {path: what[:5] for path, what in inside["files"].items() if isinstance(what, list) and set(what) - own.get(path, set())}
    attack("reference.files", not shown and not ok("written"), {"read": shown, "written": ok("written")})
    rooted = as_uid(0, "say({p: tried(lambda: os.listdir(p)[0] if os.path.isdir(p) else open(p, 'rb').read(1)) for p in json.loads(sys.argv[1])})", json.dumps(given["files"]))
    there = [path for path, end in rooted.items() if end == "ok"]
    control("reference.files", {"/root", "/etc/shadow"} <= set(there) and (CONTAINER or len(there) >= 12), f"root reads {there}")
    faster = [name for name in ok("kernel") if name in ("nice -5", "sched fifo", "ioprio")]
    attack("reference.processor", not faster, {"succeeded": faster})
    rooted = here(["nice", "-n", "-5", "true"])[0]
    control("reference.processor", rooted == 0, "root's nice works")
    if not CONTAINER:
        started = (read(crashes) or "").split("\n")[:-1]
        theirs = [line for line in started if not line.startswith("59994 ")]
        attack("reference.crash", inside["crashes"] == [11, 11, 11] and not theirs, {"signals": inside["crashes"], "started": theirs})
        control("reference.crash", started.count("59994 0") == 3, f"an ordinary user's three crashes started it as root: {started}")
    attack("reference.events", inside["events"]["contexts"] == 0, inside["events"])
    control("reference.events", user["events"]["contexts"] > 0 and user["events"]["of the machine's"] >= 100, f"an ordinary user: {user['events']}, of {(read('/proc/sys/fs/aio-max-nr') or '?').strip()}")
    attack("reference.pages", "told" not in (inside["pages"]["preadv2"], inside["pages"]["cachestat"]), inside["pages"])
    control("reference.pages", user["pages"]["preadv2"] == "told" and inside["pages"]["plain preadv2"] == "told", f"an ordinary user: {user['pages']}; without the flag the call works inside")
    sleeper.kill()
    os.close(holder)
    for path in (suid, capable, locked, handler, f"/dev/shm/{word}", f"/tmp/{word}"):
        os.unlink(path)
    with contextlib.suppress(OSError):
        os.unlink(crashes)
    here(["ipcrm", "-m", str(segment)])
