NAMES = ("files", "inotify", "terminals", "disk", "inodes", "processor", "ports", "sockets", "small", "uncounted", "forks", "memory")
# The one that works: for each word that appears it does a little of everything, and says how it went.
BESIDE = r'''
import urllib.request, urllib.error
here = os.path.expanduser("~/mnt/f")
def request():
    try: urllib.request.urlopen("http://beside.example/", timeout=60)
    except urllib.error.HTTPError as e:
        if e.code != 403: raise OSError(errno.EIO, "")
def watch():
    fd = libc.inotify_init1(0)
    if fd < 0: raise OSError(ctypes.get_errno(), "")
    if libc.inotify_add_watch(fd, b"/tmp", 2) < 0: raise OSError(ctypes.get_errno(), "")
    os.close(fd)
def write_file(path):
    with open(path, "wb") as f: f.write(b"x" * 5_000_000)
def compute():
    for _ in range(3): sum(i * i for i in range(200_000))
works = {
    "fork": lambda: subprocess.run(["true"], check=True), "memory": lambda: bytes(bytearray(30_000_000)), "open": lambda: [os.close(fd) for fd in [os.open("/etc/passwd", os.O_RDONLY) for _ in range(200)]],
    "inotify": watch, "terminal": lambda: [os.close(fd) for fd in os.openpty()], "write": lambda: write_file(os.path.expanduser("~/file")), "create": lambda: [open(os.path.expanduser(f"~/n{i}"), "w").close() for i in range(50)], "compute": compute, "request": request,
}
def round_():
    ends, times = {}, {}
    for name, work in works.items():
        began = time.time(); ends[name] = tried(work); times[name] = round(time.time() - began, 2)
    return {"ends": ends, "times": times}
said = []
open(f"{here}/ready", "w").close()
while not os.path.exists(f"{here}/stop"):
    for name in os.listdir(here):
        if name.startswith("ask-") and name not in said:
            said.append(name)
            text = json.dumps(round_()); open(f"{here}/.new", "w").write(text); os.rename(f"{here}/.new", f"{here}/told-" + name[4:])
    time.sleep(0.05)
say({})
'''
ATTACKS = {
    "forks": r'''
pids, end = [], None
try:
    while len(pids) < 40000:
        pid = os.fork()
        if pid == 0:
            time.sleep(600); os._exit(0)
        pids.append(pid)
except OSError as e: end = errno.errorcode[e.errno]
report({"forked": len(pids), "end": end})
for pid in pids: os.kill(pid, 9)
''',
    "memory": r'''
def shm():
    with open("/dev/shm/fill", "wb") as f:
        while True: f.write(b"x" * 1048576)
tmp = tried(shm)
report({"tmp ends with": tmp, "MB in it": os.path.getsize("/dev/shm/fill") >> 20})
held = []
while True:
    held.append(bytearray(64 << 20))
    for block in (held[-1],):
        for i in range(0, len(block), 4096): block[i] = 1
''',
    "files": r'''
import resource
total, end, children = 0, None, []
def fill():
    n = 0
    try:
        while n < 60000: os.open("/etc/passwd", os.O_RDONLY); n += 1
    except OSError as e: return n, errno.errorcode[e.errno]
    return n, None
for _ in range(4):
    r, w = os.pipe()
    if os.fork() == 0:
        os.write(w, json.dumps(fill()).encode()); time.sleep(600); os._exit(0)
    n, end = json.loads(os.read(r, 100)); total += n
report({"open": total, "end": end, "limit": resource.getrlimit(resource.RLIMIT_NOFILE)})
''',
    "inotify": r'''
instances, end = [], None
while len(instances) < 5000:
    ctypes.set_errno(0); fd = libc.inotify_init1(0)
    if fd < 0: end = errno.errorcode[ctypes.get_errno()]; break
    instances.append(fd)
watches, end2 = 0, None
os.mkdir("/tmp/watched")
while instances and watches < 30000:
    os.mkdir(f"/tmp/watched/{watches}"); ctypes.set_errno(0)
    if libc.inotify_add_watch(instances[0], f"/tmp/watched/{watches}".encode(), 2) < 0: end2 = errno.errorcode[ctypes.get_errno()]; break
    watches += 1
report({"instances": len(instances), "end": end, "watches": watches, "end of watches": end2})
''',
    "terminals": r'''
held, end = [], None
try:
    while len(held) < 5000: held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError as e: end = errno.errorcode[e.errno]
report({"terminals": len(held), "end": end})
''',
    "disk": r'''
home, end = os.path.expanduser("~"), None
made = 0
try:
    while made < 64:
        with open(f"{home}/fill{made}", "wb") as f: os.posix_fallocate(f.fileno(), 0, 1 << 28)
        made += 1
except OSError as e: end = errno.errorcode[e.errno]
s = os.statvfs(home)
report({"made of 256 MB": made, "end": end, "free MB": s.f_bavail * s.f_frsize >> 20})
''',
    "inodes": r'''
home, end, made = os.path.expanduser("~"), None, 0
limit = many
try:
    while made < limit:
        if made % 5000 == 0: os.mkdir(f"{home}/i{made}")
        os.close(os.open(f"{home}/i{made - made % 5000}/{made}", os.O_CREAT | os.O_WRONLY)); made += 1
except OSError as e: end = errno.errorcode[e.errno]
s = os.statvfs(home)
report({"made": made, "end": end, "free": s.f_favail})
''',
    # Sent and not read: it lies in the kernel, as memory of sockets.
    "sockets": r'''
server = socket.create_server(("127.0.0.1", 0), backlog=1000)
held, sent, end, block = [], 0, None, b"x" * 65536
try:
    while sent < 600 << 20:
        one = socket.create_connection(server.getsockname()); one.setblocking(False)
        held += [one, server.accept()[0]]
        try:
            while True: sent += one.send(block)
        except BlockingIOError: pass
except OSError as e: end = errno.errorcode.get(e.errno, str(e))
report({"MB in sockets": sent >> 20, "connections": len(held) // 2, "end": end})
''',
    # None of them is as large as the one that works beside: by the kernel's own choice, that one would die.
    "small": r'''
held, end = [], None
try:
    while len(held) < 600: held.append(subprocess.Popen(["mawk", 'BEGIN { s = "x"; while (length(s) < 1000000) s = s s; system("exec sleep 600"); print length(s) }'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
except OSError as e: end = errno.errorcode.get(e.errno, str(e))
time.sleep(5)
report({"processes": len(held), "end": end})
''',
    # Answers of the kernel that nobody reads: no control group counts them.
    "uncounted": r'''
held, end = [], None
ask = struct.pack("=IHHIIBBHiII", 32, 18, 1, 1, 0, 0, 0, 0, 1, 0, 0) * 200
try:
    while len(held) < 1500:
        one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); one.bind((0, 0)); one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 212992); one.setblocking(False)
        held.append(one)
        for _ in range(2): one.send(ask)
except OSError as e: end = errno.errorcode.get(e.errno, str(e))
report({"netlink sockets": len(held), "end": end})
''',
    # Each in a session of its own (setsid(2)): the kernel's grouping by these is no wall.
    "processor": r'''
count = 12 * len(os.sched_getaffinity(0))
for _ in range(count):
    if os.fork() == 0:
        # PR_SET_PDEATHSIG: they end with the attack.
        os.setsid(); libc.prctl(1, 9)
        while True: pass
report({"processes": count, "nice": os.nice(0)})
''',
    "ports": r'''
held, end = [], None
try:
    while len(held) < connections:
        s = socket.socket(); s.settimeout(3); s.connect(("127.0.0.1", 3128 if len(held) % 2 else 1080)); held.append(s)
except OSError as e: end = errno.errorcode.get(e.errno, str(e))
report({"connections": len(held), "end": end})
''',
}
# One session makes all attacks but the last, each in a process group of its own that is killed when it is over.
COMMON = r'''
here = os.path.expanduser("~/mnt/g")
attacks, many, connections = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
def run(name, text):
    def report(value):
        open(f"{here}/.new", "w").write(json.dumps(value)); os.rename(f"{here}/.new", f"{here}/done-{name}")
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        try:
            exec(text, {**globals(), "report": report})
            until(lambda: os.path.exists(f"{here}/over-{name}"), 300)
        except BaseException as e: report({"failed": f"{type(e).__name__}: {e}"})
        os._exit(0)
    until(lambda: os.path.exists(f"{here}/over-{name}"), 600)
    try: os.killpg(pid, 9)
    except OSError: pass
    os.waitpid(pid, 0)
    subprocess.run("rm -rf ~/fill* ~/i[0-9]* /tmp/watched /dev/shm/fill", shell=True)
    open(f"{here}/cleared-{name}", "w").close()
for name, text in attacks.items():
    until(lambda: os.path.exists(f"{here}/begin-{name}"), 600)
    run(name, text)
say({})
'''
beside_folder, attack_folder = folder("beside"), folder("attacks")


def asked(word, seconds=60):
    """A round of the one beside; None when it does not answer in time."""
    write(f"{beside_folder}/ask-{word}", "")
    told = f"{beside_folder}/told-{word}"
    wait_for(lambda: os.path.exists(told) or beside.poll() is not None, seconds)
    if not os.path.exists(told):
        return None
    return json.loads(read(f"{beside_folder}/told-{word}"))


class Tight:
    """All sessions together may use little more than they do, until it is over."""

    def __init__(self, megabytes):
        sessions = next(top for top, folders, _ in os.walk("/sys/fs/cgroup") for one in folders if one.startswith("cloister-session-"))
        self.path = f"{os.path.dirname(sessions)}/memory.max"
        self.usual = read(self.path).strip()
        self.since = str(time.time())
        stat_ = dict(line.split() for line in read(f"{os.path.dirname(sessions)}/memory.stat").split("\n") if line)
        used = sum(int(stat_.get(part, 0)) for part in ("anon", "shmem", "kernel", "sock"))
        self.put(str(used + (megabytes << 20)))

    def put(self, text):
        with open(self.path, "w") as file:
            file.write(text)

    def over(self):
        """Gives the memory back; what the keeper said meanwhile."""
        self.put(self.usual)
        lines = here(["journalctl", "-q", "-u", "cloister-keeper", "-o", "cat", "--since", f"@{self.since}"])[1]
        return [line for line in lines.split("\n") if "used most" in line]


class Short:
    """The machine has little more left than the keeper leaves it, until it is over."""

    HOLD = "import sys, time\nheld = bytearray(int(sys.argv[1]) << 20)\nfor i in range(0, len(held), 4096): held[i] = 1\nprint(flush=True)\ntime.sleep(600)"

    def __init__(self, megabytes):
        self.since = str(time.time())
        has = {line.split(":")[0]: int(line.split()[1]) >> 10 for line in read("/proc/meminfo").split("\n") if line}
        take = has["MemAvailable"] - min(128, has["MemTotal"] // 16) - megabytes
        self.holder = subprocess.Popen([sys.executable, "-c", self.HOLD, str(max(1, take))], stdout=subprocess.PIPE)
        self.holder.stdout.readline()

    def over(self):
        """Gives the memory back; what the keeper said meanwhile."""
        self.holder.kill()
        self.holder.communicate()
        lines = here(["journalctl", "-q", "-u", "cloister-keeper", "-o", "cat", "--since", f"@{self.since}"])[1]
        return [line for line in lines.split("\n") if "used most" in line]


with checks(*(f"limits.{name}" for name in NAMES)):
    beside = start(BESIDE, mounts=[f"{beside_folder}:f:rwd"], timeout=900)
    wait_for(lambda: os.path.exists(f"{beside_folder}/ready"), 30)
    calm = asked("calm")
    if calm is None:
        raise RuntimeError("the session beside does not answer")
    quota = "prjquota" in (read("/proc/mounts") or "")

    def attacker(names):
        """A session that makes these attacks, one after the other."""
        attacks = json.dumps({name: ATTACKS[name] for name in names})
        return start(COMMON, attacks, 30_000 if SLOW > 1 else 2_000_000, 300 if SLOW > 1 else 3000, mounts=[f"{attack_folder}:g:rwd"], timeout=900)

    NAMES = [name for name in NAMES if wanted(f"limits.{name}")]
    running = attacker(NAMES)
    for at, name in enumerate(NAMES):
        with checks(f"limits.{name}"):
            if running.poll() is not None:
                # The attack before ended its session.
                running = attacker(NAMES[at:])
            tight = Tight(256) if name in ("sockets", "small") else Short(256) if name == "uncounted" else None
            write(f"{attack_folder}/begin-{name}", "")
            kept = []
            try:
                wait_for(lambda name=name, running=running: os.path.exists(f"{attack_folder}/done-{name}") or running.poll() is not None, 40)
            finally:
                if tight:
                    kept = tight.over()
            during = asked(name)
            if name == "processor" and during:
                # The better of two: something else of the machine's may have had its moment.
                again = asked(f"{name}-again")
                during = min((one for one in (during, again) if one), key=lambda one: one["times"]["compute"])
            done = json.loads(read(f"{attack_folder}/done-{name}", "null"))
            alive = beside.poll() is None
            if name != "memory":
                write(f"{attack_folder}/over-{name}", "")
                wait_for(lambda name=name, running=running: os.path.exists(f"{attack_folder}/cleared-{name}") or running.poll() is not None, 20)
            if name == "memory" or running.poll() is not None:
                # Memory does not end by itself: all of the session is killed, or the machine is in trouble. Forks end by
                # the number of tasks, or by what these need of memory.
                ran = ended(running, 120)
                done = {**(done or {}), "exit code": ran.code, "unit": (ran.run or {}).get("unitResult")}
            wrong = None if during is None else {what: end for what, end in during["ends"].items() if end != "ok"}
            slow = None if during is None else round(during["times"]["compute"] / max(0.01, calm["times"]["compute"]), 1)
            if tight:
                done = {**(done or {}), "the keeper": kept}
            stopped = name not in ("forks", "memory", "disk", "inodes", "inotify", "terminals", "files") or bool(done and (done.get("end") or done.get("end of watches") or done.get("unit") or done.get("exit code")))
            stopped = stopped and bool(kept or not tight)
            # Without shares it would be 13 times slower; with them it has half of one processor at least.
            fair = name != "processor" or (slow is not None and slow < 5)
            # An attack that could not be made shows nothing.
            failed = (done or {}).get("failed")
            if name in ("disk", "inodes") and not quota:
                absent(f"limits.{name}", f"the session disk has no project quotas: {words(done)}; beside it: {wrong}")
                continue
            # Files and inodes may be more than this run makes: then nothing was used up, and nothing is shown but that.
            if name in ("inodes", "files") and not stopped:
                stopped = True
            attack(f"limits.{name}", failed is None and alive and during is not None and not wrong and stopped and fair, {"the attack": done, "beside it": wrong if during else "no answer", "slower by": slow})
            control(f"limits.{name}", bool(done) and failed is None and set(calm["ends"].values()) == {"ok"}, f"the attack used it up: {words(done)[:200]}; in peace the other does all of it: {calm['times']}")
    write(f"{beside_folder}/stop", "")
    ended(beside)
