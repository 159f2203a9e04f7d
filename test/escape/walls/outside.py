NAMES = ("audit-rows", "journal", "resolved", "dbus", "namespaces", "network", "files", "processes", "sockets", "setuid")
ATTEMPTS = r'''
import glob
given = json.loads(sys.argv[1])
found = {}
row = json.dumps({"time": "2026-01-12T09:30:01.123Z", "session": given["session"], "host": given["forged"], "port": 443, "via": "connect", "verdict": "allowed", "reason": "allowed by forged"})
def ran(*line, text=None):
    try:
        return subprocess.run(line, input=text, capture_output=True, text=True, timeout=20 * given["slow"], stdin=None if text else subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired: return "waited"
    except OSError as e: return errno.errorcode.get(e.errno)
def unix(path, kind=socket.SOCK_STREAM, data=None, answer=False):
    s = socket.socket(socket.AF_UNIX, kind); s.settimeout(5)
    s.connect(path)
    if data: s.send(data)
    if answer and not s.recv(1000): raise OSError(errno.EPIPE, "")
journal = {}
message = f"SYSLOG_IDENTIFIER=cloister-egress\nPRIORITY=6\n_UID=0\n_SYSTEMD_UNIT=cloister.service\nMESSAGE={row}\n".encode()
for path in sorted(glob.glob("/run/systemd/journal*/socket")) + ["/run/systemd/journal/socket"]: journal[path] = tried(lambda: unix(path, socket.SOCK_DGRAM, message))
for path in sorted(glob.glob("/run/systemd/journal*/dev-log")) + ["/dev/log"]: journal[path] = tried(lambda: unix(path, socket.SOCK_DGRAM, b"<14>cloister-egress: " + row.encode()))
for path in sorted(set(glob.glob("/run/systemd/journal*/stdout") + ["/run/systemd/journal/stdout"])): journal[path] = tried(lambda: unix(path, socket.SOCK_STREAM, b"cloister-egress\n\n6\n0\n0\n0\n0\n" + row.encode() + b"\n"))
for path in sorted(glob.glob("/run/systemd/journal*/io.systemd.journal")): journal[path] = tried(lambda: unix(path))
journal["logger"] = "ok" if ran("logger", "-t", "cloister-egress", row) == 0 else "refused"
journal["systemd-cat"] = "ok" if ran("systemd-cat", "-t", "cloister-egress", "echo", row) == 0 else "refused"
journal["kmsg"] = tried(lambda: put("/dev/kmsg", row))
found["journal"] = journal
resolved = {}
for path in ("/run/systemd/resolve/io.systemd.Resolve", "/run/systemd/resolve/io.systemd.Resolve.Monitor"):
    resolved[path] = tried(lambda: unix(path, data=b'{"method":"io.systemd.Resolve.ResolveHostname","parameters":{"name":"localhost"}}\0', answer=True))
def dns(server, port=53):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
    s.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01", (server, port)); s.recv(512)
for server in ("127.0.0.53", "127.0.0.54", *given["servers"]): resolved[server] = tried(lambda: dns(server))
def dns_tcp(): socket.create_connection(("127.0.0.53", 53), 5)
resolved["127.0.0.53 tcp"] = tried(dns_tcp)
resolved["getaddrinfo"] = tried(lambda: socket.getaddrinfo("cloister-nobody.example", 80))
found["resolved"] = resolved
bus = {}
for path in ("/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/notify", "/run/systemd/userdb/io.systemd.DynamicUser", "/run/systemd/io.systemd.ManagedOOM", "/run/udev/control", "/run/systemd/io.systemd.Login", "/run/systemd/io.systemd.Hostname", "/run/systemd/sysext"):
    if not os.path.lexists(path): continue
    kinds = [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET]
    bus[path] = next((end for end in (tried(lambda: unix(path, kind)) for kind in kinds) if end != "EPROTOTYPE"), "EPROTOTYPE")
bus["bus, asked"] = tried(lambda: unix("/run/dbus/system_bus_socket", data=b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n", answer=True))
bus["systemctl"] = ran("systemctl", "list-units", "--no-pager"); bus["systemd-run"] = ran("systemd-run", "--quiet", "--user", "true")
found["dbus"] = bus
arm = os.uname().machine == "aarch64"
spaces = {}
def fork(work):
    pid = os.fork()
    if pid == 0:
        try: end = work()
        except BaseException: end = "?"
        os._exit(0 if end == "ok" else 1)
    return "ok" if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 else "refused"
for name, flag in {"user": 0x10000000, "user+mount": 0x10020000, "user+net": 0x50000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000}.items():
    spaces["unshare " + name] = fork(lambda: called(97 if arm else 272, flag))
spaces["clone user"] = "ok" if fork(lambda: "ok" if (p := libc.syscall(220 if arm else 56, 0x10000000 | 17, 0, 0, 0, 0)) >= 0 and (p or os._exit(0)) else "no") == "ok" else "refused"
spaces["unshare(1)"] = "ok" if ran("unshare", "-Ur", "true") == 0 else "refused"
spaces["bwrap"] = "ok" if ran("bwrap", "--unshare-all", "--ro-bind", "/", "/", "true") == 0 else "refused"
found["namespaces"] = spaces
net = {}
for host, port in given["reach"]:
    def tcp(): socket.create_connection((host, port), 4).close()
    def udp(): socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (host, port))
    net[f"tcp {host}:{port}"] = tried(tcp); net[f"udp {host}:{port}"] = tried(udp)
net["raw"] = tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)); net["packet"] = tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)); net["vsock"] = tried(lambda: (s := socket.socket(40, 1), s.settimeout(3), s.connect((2, 1024))))
found["network"] = net
files = {}
for path in given["files"]:
    def look():
        # A folder that is empty tells nothing.
        if os.path.isdir(path): os.listdir(path) or os.stat("")
        else: open(path, "rb").read(1)
    files[path] = tried(look)
for place in ("/var/log/journal", "/run/log/journal", "/sessions/.cloister"):
    for top, _, names in os.walk(place):
        for name in names:
            if tried(lambda: open(f"{top}/{name}", "rb").read(1)) == "ok": files[f"{top}/{name}"] = "ok"
found["files"] = files
processes = {}
for name, pid in given["processes"].items():
    processes[name] = {
        "signal": tried(lambda: os.kill(pid, 0)), "mem": tried(lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))), "root": tried(lambda: os.listdir(f"/proc/{pid}/root/")), "environ": tried(lambda: open(f"/proc/{pid}/environ", "rb").read()),
        "fd": tried(lambda: os.listdir(f"/proc/{pid}/fd")), "ptrace": called(117 if arm else 101, 0x4206, pid, 0, 0), "priority": tried(lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)),
    }
found["processes"] = processes
sockets = {}
for line in open("/proc/net/unix").read().split("\n")[1:]:
    path = line.split()[-1] if len(line.split()) > 7 else ""
    if not path.startswith(("/", "@")): continue
    address = path if path[0] == "/" else "\0" + path[1:]
    ends = [tried(lambda: unix(address, kind)) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)]
    if "ok" in ends: sockets[path] = "ok"
found["sockets"] = sockets
rights = {}
for line in (["sudo", "-n", "true"], ["su", "-c", "true"], ["newgrp", "root"], ["pkexec", "true"], ["crontab", "-l"], ["mount", "-t", "tmpfs", "x", "/mnt"], ["umount", "/sessions"], ["fusermount3", "-u", "/mnt"], ["passwd", "-S"], ["chsh", "-s", "/bin/sh"], ["systemctl", "start", "cloister-verify"], ["reboot", "--help-not"], ["loginctl", "enable-linger"], ["at", "now"], ["setpriv", "--reuid=0", "true"]):
    rights[" ".join(line)] = ran(*line)
found["setuid"] = rights
say(found)
'''
STAYS = r'''
open(os.path.expanduser("~/private"), "w").write("private"); open("/tmp/private", "w").write("x")
open(os.path.expanduser("~/mnt/f/here"), "w").close()
until(lambda: os.path.exists(os.path.expanduser("~/mnt/f/stop")), 400)
say({})
'''



def failed(work):
    try:
        work()
    except OSError as problem:
        return problem
    return None


with checks(*(f"outside.{name}" for name in NAMES)):
    base = folder("outside")
    write(f"{base}/file", "file", 0o600)
    os.chmod(base, 0o700)
    give(base)
    kept, other = f"escape-{TAG}-escaped", f"escape-{TAG}-other"
    session("say({})", name=kept)
    uid = uid_of(kept)
    if uid is None:
        uid = os.stat(f"/sessions/{kept}").st_uid
    running = start(STAYS, name=other, mounts=[f"{base}:f:rwd"], agent=True, timeout=400)
    wait_for(lambda: os.path.exists(f"{base}/here"), 30)
    theirs = [one for one in processes() if one["uid"] == uid_of(other)]
    supervisor = next(iter(supervisors_of(other)), running.pid)
    own = re.search(r"src (\S+)", here(["ip", "-4", "route", "get", "10.0.2.2"])[1])
    address = own[1] if own else "10.0.2.15"
    gateway = re.search(r"default via (\S+)", here(["ip", "-4", "route"])[1])
    servers = re.findall(r"^nameserver (\d+\.\d+\.\d+\.\d+)", read("/run/systemd/resolve/resolv.conf", "") or read("/etc/resolv.conf", ""), re.M)
    egress = f"/run/cloister/sessions/{other}"
    given = {
        "slow": max(1, SLOW // 3), "session": kept, "forged": f"forged-{TAG}.example", "servers": servers,
        "reach": [[address, 22], ["127.0.0.1", 22], [gateway[1] if gateway else "10.0.2.2", 53], ["169.254.169.254", 80], ["1.1.1.1", 443], ["::1", 22], ["2606:4700:4700::1111", 443]],
        "files": ["/root", "/etc/shadow", f"/sessions/{other}", f"/sessions/{other}/private", f"/sessions/{other}/mnt", f"/sessions/{other}/mnt/f/file", egress, f"{egress}/egress/http.sock", f"{egress}/scratch", f"{egress}/scratch/tmp/private", base, f"{base}/file", "/run/cloister/model-key", "/etc/cloister/machine.json", "/home/operator", "/var/lib/cloud/instance/user-data.txt", "/etc/ssh/ssh_host_ed25519_key", "/dev/mem", "/dev/nvme0n1", "/proc/kcore", "/proc/kallsyms", "/sys/kernel/debug", "/proc/sys/kernel/core_pattern"],
        "processes": {"supervisor": supervisor, "init": 1, **{f"{one['name']} of another": one["pid"] for one in theirs[:6]}},
    }
    # The same as an ordinary user of the machine, who is no session's: what is refused to the first is there for that one.
    with ThreadPoolExecutor(2) as pool:
        both = [uid, 1000 if uid_of("operator") is None else uid_of("operator")]
        found, ordinary = pool.map(lambda who: as_uid(who, ATTEMPTS, json.dumps(given), seconds=240), both)

    def done(part, who=found):
        return sorted(what for what, end in who[part].items() if end in ("ok", 0))

    here(["journalctl", "--sync"])
    forged = [row for row in audit_rows() if row.get("host") == given["forged"]]
    loose = [row for row in audit_rows(trusted=False) if row.get("host") == given["forged"]]
    attack("outside.audit-rows", not forged, {"rows that a reader takes": len(forged), "rows in the journal by that name": len(loose), "writers": sorted({row["journal"].get("_UID", "?") for row in loose})})
    real = session("import urllib.request\nsay({'end': tried(lambda: urllib.request.urlopen('http://real-%s.example/'))})" % TAG)
    control("outside.audit-rows", any(row.get("host") == f"real-{TAG}.example" for row in audit_rows()), "the proxy's own row is taken")

    attack("outside.journal", not done("journal"), {"took what it said": done("journal")})
    control("outside.journal", bool(done("journal", ordinary)), f"an ordinary user's: {done('journal', ordinary)}")
    attack("outside.resolved", not done("resolved"), {"answered": done("resolved"), "ends": found["resolved"]})
    if any(os.path.exists(path) for path in ("/run/systemd/resolve/io.systemd.Resolve",)):
        control("outside.resolved", bool(done("resolved", ordinary)), f"an ordinary user is answered by {done('resolved', ordinary)}")
    else:
        control("outside.resolved", any(os.path.exists(path) for path in ("/run/dbus/system_bus_socket",)), "systemd-resolved does not run on this machine; D-Bus does")
    attack("outside.dbus", not [one for one in done("dbus") if one != "systemd-run"], {"reached": done("dbus")})
    control("outside.dbus", bool(done("dbus", ordinary)), f"an ordinary user reaches {done('dbus', ordinary)}")
    attack("outside.namespaces", not done("namespaces"), {"made": done("namespaces")})
    as_root = as_uid(0, "say({'user': subprocess.run(['unshare', '-m', 'true']).returncode, 'ns': subprocess.run(['unshare', '-Ur', 'true'], capture_output=True).returncode})")
    control("outside.namespaces", as_root["user"] == 0, f"root makes a mount namespace (exit {as_root['user']}); an ordinary user: {done('namespaces', ordinary)}")
    attack("outside.network", not done("network"), {"sent": done("network")})
    control("outside.network", f"tcp {address}:22" in done("network", ordinary), f"an ordinary user: {done('network', ordinary)}")
    attack("outside.files", not [path for path in done("files") if path not in ("/proc/kallsyms", "/proc/sys/kernel/core_pattern", "/etc/cloister/machine.json")], {"read": done("files")})
    rooted = as_uid(0, "say({p: tried(lambda: os.listdir(p) if os.path.isdir(p) else open(p, 'rb').read(1)) for p in json.loads(sys.argv[1])})", json.dumps(given["files"][:6] + [base, f"{base}/file"]))
    control("outside.files", list(rooted.values()).count("ok") >= 5, f"root reads {[p for p, end in rooted.items() if end == 'ok']}")
    hit = {name: [what for what, end in ends.items() if end == "ok"] for name, ends in found["processes"].items()}
    attack("outside.processes", not any(hit.values()), {name: ends for name, ends in hit.items() if ends})
    # The same calls by root, who may: all that was named is there.
    rooted = {name: [what for what, work in {"signal": lambda pid=pid: os.kill(pid, 0), "environ": lambda pid=pid: open(f"/proc/{pid}/environ", "rb").close(), "fd": lambda pid=pid: os.listdir(f"/proc/{pid}/fd"), "root": lambda pid=pid: os.listdir(f"/proc/{pid}/root/")}.items() if not failed(work)] for name, pid in given["processes"].items()}
    control("outside.processes", len(theirs) > 3 and all(len(ends) == 4 for ends in rooted.values()), f"root reaches each of them, {len(theirs)} of the other session: {rooted}")
    attack("outside.sockets", not found["sockets"], {"connected": sorted(found["sockets"])})
    control("outside.sockets", bool(ordinary["sockets"]), f"an ordinary user connects to {sorted(ordinary['sockets'])[:6]}")
    harmless = {"passwd -S", "crontab -l"}
    attack("outside.setuid", not [line for line in done("setuid") if line not in harmless], {"succeeded": done("setuid"), "exit codes": found["setuid"]})
    control("outside.setuid", ordinary["setuid"]["sudo -n true"] == 0, f"the operator's sudo: exit {ordinary['setuid']['sudo -n true']}")
    write(f"{base}/stop", "")
    ended(running)
    remove_session(kept)
    remove_session(other)
