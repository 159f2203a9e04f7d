NAMES = ("processes", "mounts", "units", "run", "home")
# Processes that want to stay: in the background, in sessions of their own, deaf to every signal.
STUBBORN = r'''
here = os.path.expanduser("~/mnt/f")
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT): signal.signal(number, signal.SIG_IGN)
subprocess.Popen(["setsid", "sleep", "1000"]); subprocess.Popen(["nohup", "sleep", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    while True: time.sleep(0.2); open("/tmp/alive", "w").write("x")
open("/tmp/file", "w").write("x" * 1000000); open("/dev/shm/file", "w").close()
open(f"{here}/.new", "w").write(os.environ["USER"]); os.rename(f"{here}/.new", f"{here}/" + sys.argv[1])
time.sleep(1000)
'''


def mounts_of(name):
    """Mounts of a session, in any mount namespace."""
    spaces, mounts = set(), 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            space = os.readlink(f"/proc/{entry}/ns/mnt")
            if space not in spaces:
                spaces.add(space)
                mounts += sum(1 for line in (read(f"/proc/{entry}/mountinfo") or "").split("\n") if name in line)
        except OSError:
            pass
    return mounts


def part(which, name, uid):
    """How much there is of a part of a session."""
    if which == "processes":
        return len([one for one in processes() if one["uid"] == uid])
    if which == "mounts":
        return mounts_of(name)
    if which == "units":
        return len([line for line in here(["systemctl", "list-units", "--all", "--plain", "--no-legend", f"*{name}*"])[1].split("\n") if line.strip()])
    if which == "run":
        # All of /run: systemd and the egress have theirs elsewhere than cloister.
        return len([one for top, ds, fs in os.walk("/run") for one in ds + fs if name in f"{top}/{one}" and not top.startswith("/run/user")])
    return int(os.path.lexists(f"/sessions/{name}")) + int(uid_of(name) is not None)


def state(name, uid):
    """What there is of a session: its five parts."""
    return {which: part(which, name, uid) for which in NAMES}


def launched(base, mark, mode="rwd", **options):
    """A session that is up: its process, name and user id. The name is its own word: others may come and go meanwhile."""
    running = start(STUBBORN, mark, mounts=[f"{base}:f:{mode}"], plain=True, timeout=900, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    if wait_for(lambda: os.path.exists(f"{base}/{mark}"), 30) is None:
        raise RuntimeError("the session did not come up")
    name = read(f"{base}/{mark}")
    return running, name, uid_of(name) or os.stat(f"/sessions/{name}").st_uid


def names_now():
    """Homes that are there. Names that begin with a dot are the machine's own."""
    return {name for name in os.listdir("/sessions") if not name.startswith(".")} - {"folders", "lost+found"}


def supervisor_of(pid):
    """Every process of the supervisor's own: the operator's call, and what it has become."""
    return [pid] + [one for one in children(pid) if (read(f"/proc/{one}/comm") or "").strip() in ("node", "MainThread", "sudo", "sh", "cloister")]


# A second, where processors are real. Emulated, to look alone takes a part of it; and only the kernel ends processes and their
# mounts, so that these have less of what the slow machine is given.
BOUNDS = {which: max(1.0, SLOW * (0.5 if which in ("processes", "mounts") else 1.0)) for which in NAMES}


def gone_within(name, uid, parts=NAMES):
    """
    Polls each part until nothing is left of it, or its time is over; how long each took at most, and what is left. One after the
    other, in the order in which they go: to look at some of them takes longer than others last.
    """
    began = time.time()
    took, left = {}, {}
    for which in parts:
        while True:
            at = time.time() - began
            count = part(which, name, uid)
            if count == 0:
                took[which] = round(at, 2)
            elif at > BOUNDS[which]:
                left[which] = count
            else:
                time.sleep(0.02)
                continue
            break
    return took, left


def supervisors(count):
    base = folder("killed")
    seen, before, times = {which: [] for which in NAMES}, dict.fromkeys(NAMES, 0), {which: [] for which in NAMES}
    for turn in range(count):
        running, name, uid = launched(base, f"m{turn}", agent=turn % 2 == 1)
        for which, number in state(name, uid).items():
            before[which] = max(before[which], number)
        # The supervisor may be the call itself, or a unit that the call asked for: both die.
        for pid in dict.fromkeys(supervisors_of(name) + supervisor_of(running.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        took, left = gone_within(name, uid)
        for which, seconds in took.items():
            times[which].append(seconds)
        for which, number in left.items():
            seen[which].append(number)
        running.wait()
        if left:
            # The next run sweeps what is left, on a machine that has nothing better; it is not this check's to wait for.
            gone_within(name, uid)
    for which in NAMES:
        attack(f"killed.{which}", not seen[which], {"left after": f"{BOUNDS[which]:.1f} s", "in": f"{len(seen[which])} of {count} kills", "how many": seen[which][:5], "seconds until nothing was left": sorted(times[which])[-8:]})
        # A mount of a session's own namespace may not have its name; that it has a folder shows that there is one.
        control(f"killed.{which}", before[which] > 0, f"before the kill: {before[which]}")


def victims_of(name, uid, running):
    """The processes of a session's chain by their kind, each of which somebody may kill."""
    scope = next((top for top, _, files in os.walk("/sys/fs/cgroup") if name in top and "cgroup.procs" in files), None)
    found = {}
    for one in processes():
        kind = one["name"]
        theirs = one["uid"] == uid and kind in ("bwrap", "bash", "socat", "guard")
        holds = kind == "cat" and str(one["pid"]) in (read(f"{scope}/cgroup.procs") or "").split()
        if theirs or holds or kind == "keeper" and one["uid"] == 0:
            found.setdefault(kind, []).append(one["pid"])
    return found


def others():
    if not wanted("killed.others"):
        return
    with checks("killed.others"):
        base = folder("killed-others")
        told, bad, missed = {}, [], []
        for turn, kind in enumerate(("bwrap", "bash", "socat", "guard", "cat", "keeper")):
            running, name, uid = launched(base, f"o{turn}", mode="rw")
            mine = victims_of(name, uid, running).get(kind, [])
            if not mine:
                missed.append(kind)
            for pid in mine:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            ended_ = False
            if kind in ("bwrap", "bash"):
                # Without its bridges, its guard, or what holds its scope open, a session may go on: less can it do then.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(20 * max(1, SLOW // 2))
                    ended_ = True
            for pid in dict.fromkeys(supervisors_of(name) + supervisor_of(running.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            running.wait()
            took, left = gone_within(name, uid)
            told[kind] = {"killed": len(mine), "ended": ended_, "left": left}
            if left or kind in ("bwrap", "bash") and not ended_:
                bad.append(kind)
        attack("killed.others", not bad, {"wrong": bad, **told})
        control("killed.others", not missed, f"each kind was there, and was killed: {[name for name, one in told.items() if one['killed']]}; not there: {missed}")


def kept():
    if not wanted("killed.kept"):
        return
    with checks("killed.kept"):
        base = folder("killed-kept")
        name = f"escape-{TAG}-stays"
        running, _, uid = launched(base, "k", name=name)
        write(f"/sessions/{name}/mine", "mine")
        running_pids = supervisors_of(name) + supervisor_of(running.pid)
        for pid in running_pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, left = gone_within(name, uid, ("processes", "mounts", "units", "run"))
        running.wait()
        home = os.path.isdir(f"/sessions/{name}") and read(f"/sessions/{name}/mine") == "mine"
        again = session("say({'mine': tried(lambda: open(os.path.expanduser('~/mine')).read())})", name=name, mounts=[f"{base}:f:rwd"])
        attack("killed.kept", home and not left and again.code == 0, {"home": home, "left": left, "run again": again.code, "said": again.stderr.strip()[-120:]})
        control("killed.kept", again.code == 0 and again.found()["mine"] == "ok", "the next run reads what was written before")
        remove_session(name)


def starting(count):
    if not wanted("killed.starting"):
        return
    with checks("killed.starting"):
        base = folder("killed-starting")
        rng = random.Random(GIVEN["seed"])
        old = names_now()
        at = []
        for _ in range(count):
            quick = start("say({})", mounts=[f"{base}:f:rwd"])
            moment = rng.uniform(0.05, 3.0) * max(1, SLOW / 4)
            at.append(round(moment, 1))
            time.sleep(moment)
            for pid in supervisor_of(quick.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            quick.communicate()
        def left():
            run = os.listdir("/run/cloister/sessions") if os.path.isdir("/run/cloister/sessions") else []
            return sorted(names_now() - old), run
        # What was being made when it was killed may take as long as a making takes to be told from one that goes on.
        wait_for(lambda: not left()[0] and not left()[1], 3)
        homes, run = left()
        attack("killed.starting", not homes and not run, {"homes left": len(homes), "in /run": len(run), "killed after seconds": at})
        whole = session("say({'ok': 1})", mounts=[f"{base}:f:rwd"])
        control("killed.starting", whole.code == 0, "one that is not killed ends as it should")


with checks(*(f"killed.{name}" for name in NAMES)):
    supervisors(GIVEN["kills"])
others()
kept()
starting(max(3, GIVEN["kills"] // 2))
