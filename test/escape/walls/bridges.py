# Every way to write into another process, or to take what it has open.
INJECT = r'''
def poke(pid):
    # A byte of a page that can be written is written again as it was: the bridge goes on.
    line = next(l for l in open(f"/proc/{pid}/maps") if " rw-p " in l)
    at = int(line.split("-")[0], 16)
    fd = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    os.pwrite(fd, os.pread(fd, 1, at), at)
def injected(pid):
    arm = os.uname().machine == "aarch64"
    buffer = ctypes.create_string_buffer(b"x" * 8)
    class Vec(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
    local = Vec(ctypes.addressof(buffer), 8); remote = Vec(0x400000, 8)
    return {
        "process_vm_writev": called(271 if arm else 311, pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0),
        "process_vm_readv": called(270 if arm else 310, pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0),
        "pokes": tried(lambda: poke(pid)),
        "pidfd_getfd": called(438, libc.syscall(434, pid, 0), 0, 0),
        "ptrace attach": called(117 if arm else 101, 16, pid, 0, 0),
        "ptrace seize": called(117 if arm else 101, 0x4206, pid, 0, 0),
    }
'''
# What the kernel, a filter or Landlock says to who may not.
REFUSED = ("EPERM", "EACCES", "ENOSYS")
MEMORY = INJECT + r'''
ends, processes = {}, {}
for pid in sorted(int(n) for n in os.listdir("/proc") if n.isdigit()):
    status = open(f"/proc/{pid}/status").read()
    pick = lambda key: (re.search(rf"^{key}:\s*(\S+)", status, re.M) or [None, "?"])[1]
    processes[pid] = {"name": pick("Name"), "seccomp": pick("Seccomp"), "filters": pick("Seccomp_filters"), "nnp": pick("NoNewPrivs"), "caps": [pick(k) for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]}
    if pid == os.getpid(): continue
    for what, work in {
        "mem read": lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY)),
        "mem write": lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)),
        "fd": lambda: os.listdir(f"/proc/{pid}/fd"),
        "environ": lambda: open(f"/proc/{pid}/environ", "rb").read(),
        "maps": lambda: open(f"/proc/{pid}/maps").read(),
        "root": lambda: os.listdir(f"/proc/{pid}/root/"),
        "cwd": lambda: os.readlink(f"/proc/{pid}/cwd"),
        "exe": lambda: os.readlink(f"/proc/{pid}/exe"),
        "oom": lambda: put(f"/proc/{pid}/oom_score_adj", "500"),
    }.items():
        ends.setdefault(what, {})[pid] = tried(work)
# A child of its own, as a program that has not made itself unreadable.
child = subprocess.Popen(["sleep", "60"])
own = tried(lambda: os.close(os.open(f"/proc/{child.pid}/mem", os.O_RDWR)))
arm = os.uname().machine == "aarch64"
inject = {}
for pid in (3, 4): inject[pid] = injected(pid)
child.kill()
say({"ends": ends, "own": own, "processes": processes, "inject": inject, "yama": open("/proc/sys/kernel/yama/ptrace_scope").read().strip() if os.path.exists("/proc/sys/kernel/yama/ptrace_scope") else "none"})
'''


def memory():
    with checks("bridges.memory", "bridges.inject", "bridges.filters"):
        scope = "/proc/sys/kernel/yama/ptrace_scope"
        # In little time only without Yama, which is less for the processes to hold by.
        found = session(MEMORY).found() if wanted("bridges.modules") else None
        yama = [found["yama"]] if found else []
        # Yama is one lock; the processes must hold without it.
        before = (read(scope) or "").strip()
        lowered = False
        if before not in ("", "0") or found is None:
            if before not in ("", "0"):
                with contextlib.suppress(OSError):
                    with open(scope, "w") as file:
                        file.write("0")
                    lowered = True
            try:
                second = session(MEMORY).found()
            finally:
                if lowered:
                    with open(scope, "w") as file:
                        file.write(before)
            yama.append(second["yama"])
            found = second
        soft = {what: [pid for pid, end in pids.items() if end == "ok" and int(pid) <= 4] for what, pids in found["ends"].items()}
        soft = {what: pids for what, pids in soft.items() if pids}
        attack("bridges.memory", not soft, {"reached": soft, "yama": yama})
        uid = 59990
        outside = as_uid(uid, "c = subprocess.Popen(['sleep', '20'])\ntime.sleep(0.3)\ne = tried(lambda: os.close(os.open(f'/proc/{c.pid}/mem', os.O_RDWR)))\nc.kill()\nsay({'child': e})")
        control("bridges.memory", found["own"] == "ok" or outside["child"] == "ok", f"a child of its own: {found['own']} inside, {outside['child']} outside")
        # An address that is not there (EFAULT) is an answer of a kernel that would have written.
        done = {pid: [what for what, end in calls.items() if end not in REFUSED] for pid, calls in found["inject"].items()}
        attack("bridges.inject", not any(done.values()), found["inject"])
        own = as_uid(uid, INJECT + "c = subprocess.Popen(['sleep', '20'])\ntime.sleep(0.3)\nsay(injected(c.pid))\nc.kill()", run=without_filters)
        as_root = as_uid(0, "c = subprocess.Popen(['sleep', '20'])\ntime.sleep(0.2)\nl = next(l for l in open(f'/proc/{c.pid}/maps') if ' rw-p ' in l)\nat = int(l.split('-')[0], 16)\nsay({'end': tried(lambda: os.pwrite(os.open(f'/proc/{c.pid}/mem', os.O_RDWR), b'x', at))})\nc.kill()")
        reached = sorted(what for what, end in own.items() if end not in REFUSED)
        control("bridges.inject", as_root["end"] == "ok" and len(reached) >= 4, f"on the machine root writes a byte into a child: {as_root['end']}; an ordinary user's calls on a child of its own, that the kernel lets it trace: {own}")
        weak = {pid: one for pid, one in found["processes"].items() if one["seccomp"] != "2" or one["nnp"] != "1" or set(one["caps"]) != {"0" * 16}}
        commands = [one for pid, one in found["processes"].items() if int(pid) >= 5]
        attack("bridges.filters", not weak and all(int(one["filters"]) >= 2 for one in commands), {"weak": weak, "filters": {f"{pid} {one['name']}": one["filters"] for pid, one in found["processes"].items()}})
        status = read("/proc/1/status", "")
        if CONTAINER:
            outside = int(re.search(r"^Seccomp_filters:\s+(\d+)", status, re.M).group(1))
            control("bridges.filters", all(int(one["filters"]) > outside + 1 for one in commands), f"process 1 of the container runs under {outside}, the engine's")
            return
        control("bridges.filters", bool(re.search(r"^Seccomp:\s+0$", status, re.M)) and "CapEff:\t0000000000000000" not in status, "process 1 of the machine has capabilities, and no filter")


SOCKETS = r'''
ends = {}
for kind in range(1, 11):
    for flags in (0, socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK):
        ends[f"socket {kind} {flags}"] = tried(lambda: socket.socket(socket.AF_UNIX, kind | flags, 0).close())
ends["high bits"] = called(198 if os.uname().machine == "aarch64" else 41, (1 << 32) | 1, 1, 0)
ends["local pair"] = tried(lambda: [s.close() for s in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)])
child = "import socket,errno\ntry:\n  socket.socket(socket.AF_UNIX); print('ok')\nexcept OSError as e: print(errno.errorcode[e.errno])"
ends["child"] = subprocess.run(["/usr/bin/python3", "-c", child], capture_output=True, text=True).stdout.strip()
import threading
def in_thread(): ends["thread"] = tried(lambda: socket.socket(socket.AF_UNIX).close())
t = threading.Thread(target=in_thread); t.start(); t.join()
ends["setsid"] = subprocess.run(["setsid", "/usr/bin/python3", "-c", child], capture_output=True, text=True).stdout.strip()
def socat():
    # Where it may, it waits for who connects.
    try: ran = subprocess.run(["socat", "-u", "UNIX-LISTEN:/tmp/s", "/dev/null"], timeout=20, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired: return "ok"
    return "ok" if ran.returncode == 0 or os.path.exists("/tmp/s") else "refused" if "socket" in ran.stderr else ""
ends["socat"] = socat()
for path in ("/run/cloister/egress/http.sock", "/run/dbus/system_bus_socket", "/run/systemd/journal/socket"):
    ends["connect " + path] = subprocess.run(["/usr/bin/python3", "-c", f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); print('ok')"], capture_output=True, text=True).stdout.strip() or "refused"
say(ends)
'''


def unix():
    with checks("bridges.unix"):
        found = session(SOCKETS).found()
        # Every way of it must have ended in words: a program that did not start has refused nothing.
        silent = [what for what, end in found.items() if end == ""]
        done = [what for what, end in found.items() if end == "ok"]
        attack("bridges.unix", not done and not silent, {"made": done, "said nothing": silent, "seen": sorted(set(found.values()))})
        outside = as_uid(59991, "say({'unix': tried(lambda: socket.socket(socket.AF_UNIX).close()), 'dgram': tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close())})")
        control("bridges.unix", set(outside.values()) == {"ok"}, f"an ordinary user outside: {outside}")


FAMILIES = r'''
ends = {}
def note(what, end): ends[end] = ends.get(end, 0) + 1
for family in range(0, 64):
    for kind in (1, 2, 3, 4, 5, 6, 10):
        for protocol in ((0, 1, 2, 6, 17, 33, 58, 132, 136, 255, 256, 262) if family in (2, 10) else range(0, 8 if family in (16, 29, 31, 40, 44) else 2)):
            note((family, kind, protocol), tried(lambda: socket.socket(family, kind, protocol).close()))
named = {
    "sctp": tried(lambda: socket.socket(2, 1, 132).close()), "sctp packet": tried(lambda: socket.socket(2, 5, 132).close()), "sctp 6": tried(lambda: socket.socket(10, 1, 132).close()),
    "dccp": tried(lambda: socket.socket(2, 6, 33).close()), "mptcp": tried(lambda: socket.socket(2, 1, 262).close()), "udplite": tried(lambda: socket.socket(2, 2, 136).close()),
    "smc": tried(lambda: socket.socket(43, 1, 0).close()), "tipc": tried(lambda: socket.socket(30, 2, 0).close()), "rds": tried(lambda: socket.socket(21, 5, 0).close()),
    "rxrpc": tried(lambda: socket.socket(33, 2, 0).close()), "kcm": tried(lambda: socket.socket(41, 2, 0).close()), "ppp": tried(lambda: socket.socket(24, 2, 0).close()),
    "l2tp": tried(lambda: socket.socket(2, 2, 115).close()), "phonet": tried(lambda: socket.socket(35, 2, 0).close()), "x25": tried(lambda: socket.socket(9, 5, 0).close()),
}
def ulp(name):
    a = socket.socket(); a.bind(("127.0.0.1", 0)); a.listen(); b = socket.create_connection(a.getsockname()); c, _ = a.accept()
    b.setsockopt(6, 31, name)                       # TCP_ULP
def congestion(name):
    socket.socket().setsockopt(6, 13, name)         # TCP_CONGESTION
for name in (b"tls", b"smc", b"mptcp", b"espintcp"): named["ulp " + name.decode()] = tried(lambda: ulp(name))
for name in (b"bbr", b"vegas", b"westwood", b"dctcp"): named["congestion " + name.decode()] = tried(lambda: congestion(name))
def discipline(number):
    import fcntl
    master, slave = os.openpty(); fcntl.ioctl(slave, 0x5423, struct.pack("i", number))   # TIOCSETD
for number in range(1, 30): note("discipline", tried(lambda: discipline(number)))
def filters(): socket.socket(2, 2).getsockopt(0, 64, 84)     # IPT_SO_GET_INFO
named["iptables"] = tried(filters)
def device(name):
    import fcntl
    fcntl.ioctl(socket.socket(2, 2), 0x8933, struct.pack("16s24x", name))   # SIOCGIFINDEX: the kernel looks for netdev-NAME
for name in (b"vcan0", b"dummy0", b"tunl0", b"gre0", b"sit0"): named["device " + name.decode()] = tried(lambda: device(name))
def vlan():
    import fcntl
    fcntl.ioctl(socket.socket(2, 2), 0x8983, struct.pack("i24s24s", 6, b"lo", b""))   # SIOCSIFVLAN
named["vlan"] = tried(vlan)
open("/tmp/odd", "wb").write(b"\x7fODD\0\0\0\0\xff\xfe"); os.chmod("/tmp/odd", 0o755)
named["binary format"] = tried(lambda: os.execv("/tmp/odd", ["odd"])) if os.fork() == 0 else "asked"
if named["binary format"] != "asked": os._exit(0)
os.wait()
say({"named": named, "ends": ends})
'''


def modules():
    if not wanted("bridges.modules"):
        return
    with checks("bridges.modules"):
        def loaded():
            return sorted(line.split()[0] for line in (read("/proc/modules") or "").split("\n") if line)
        # What any session loads once is not this script's doing.
        session("say({})")
        before = loaded()
        ran = session(FAMILIES)
        found = ran.found()
        after = loaded()
        new = sorted(set(after) - set(before))
        attack("bridges.modules", not new, {"loaded": new, "ends": {name: end for name, end in found["named"].items() if end == "ok"}})
        release = os.uname().release
        listed = read(f"/lib/modules/{release}/modules.dep", "") or read(f"/usr/lib/modules/{release}/modules.dep", "")
        on_disk = [name for name in ("sctp", "dccp", "tipc", "rds", "l2tp_ppp", "tcp_bbr", "tls", "n_hdlc", "rxrpc", "kcm") if re.search(rf"/{name}\.ko", listed)]
        sealed = (read("/proc/sys/kernel/modules_disabled") or "").strip()
        asked = "not tried: modules are locked" if sealed == "1" else here(["modprobe", "-n", "-v", on_disk[0]])[1].strip() if on_disk else "none"
        control("bridges.modules", bool(on_disk), f"modules of this kernel that such calls would load: {on_disk}; modules_disabled {sealed}; {asked[:80]}")


TRAPS = r'''
home = os.path.expanduser("~")
# Whatever of the chain reads one of these before the filters are there would leave the file `ran`.
trap = f"echo $0 $$ >> {home}/ran\n"
for name in (".bashrc", ".profile", ".bash_profile", ".bash_login", ".bash_aliases", ".inputrc", ".socatrc", "etc-profile"):
    open(f"{home}/{name}", "w").write(trap)
os.makedirs(f"{home}/bin", exist_ok=True)
for name in ("bash", "socat", "sh", "apply-seccomp", "env", "sleep", "cat"):
    open(f"{home}/bin/{name}", "w").write("#!/bin/dash\n" + trap); os.chmod(f"{home}/bin/{name}", 0o755)
    open(f"{home}/{name}", "w").write("#!/bin/dash\n" + trap); os.chmod(f"{home}/{name}", 0o755)
    open(f"/tmp/{name}", "w").write("#!/bin/dash\n" + trap)
say({"set": len(os.listdir(home))})
'''


def scripts():
    if not wanted("bridges.scripts"):
        return
    with checks("bridges.scripts"):
        name = f"escape-{TAG}-traps"
        session(TRAPS, name=name).found()
        session("say({})", name=name)
        ran = read(f"/sessions/{name}/ran")
        attack("bridges.scripts", ran is None, f"ran: {ran}")
        own = session("bash -lc true; bash -ic true 2>/dev/null; cat ran", shell=True, name=name)
        control("bridges.scripts", bool(own.out.strip()), f"the session's own shell runs them: {own.out.split()[:4]}")
        remove_session(name)


def locked():
    with checks("bridges.locked"):
        if not os.path.exists("/proc/sys/kernel/modules_disabled"):
            absent("bridges.locked", "this kernel has no modules")
            return
        loaded = {line.split()[0] for line in (read("/proc/modules") or "").split("\n") if line}
        listed = re.findall(r"/([^/\s]+)\.ko[^:\s]*:", here(["sh", "-c", "cat /lib/modules/$(uname -r)/modules.dep"])[1])
        # Small ones that need no device, none of which does anything until it is asked.
        known = [name for name in ("dummy", "ifb", "sctp", "dccp", "tcp_bbr", "tcp_vegas", "nbd", "tls", "zram", "veth", "crc7", "libcrc32c", "xor") if name in listed and name not in loaded]
        before = sorted(loaded)
        ends = {name: here(["modprobe", name])[0] for name in known[:4]}
        ends["insmod"] = here(["sh", "-c", "insmod $(modinfo -n %s)" % known[0]])[0] if known else None
        opened = as_uid(0, "say({'end': tried(lambda: put('/proc/sys/kernel/modules_disabled', '0'))})")["end"]
        now = {line.split()[0] for line in (read("/proc/modules") or "").split("\n") if line}
        scope = (read("/proc/sys/kernel/yama/ptrace_scope") or "-1").strip()
        attack("bridges.locked", now <= loaded and 0 not in ends.values() and opened != "ok" and int(scope) >= 1, {"exit codes": ends, "loaded": sorted(now - set(before)), "unlocking it": opened, "Yama": scope})
        dry = here(["modprobe", "-n", "-v", known[0]]) if known else (1, "", "")
        control("bridges.locked", bool(known) and dry[0] == 0, f"modprobe finds its file, and would load it: {dry[1].strip()[:120] or dry[2].strip()[:120] or 'no module'}")


memory()
together(unix, scripts, locked)
modules()
