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


def state(name, uid):
    """What there is of a session: its five parts."""
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
    units = [line for line in here(["systemctl", "list-units", "--all", "--plain", "--no-legend", f"*{name}*"])[1].split("\n") if line.strip()]
    run = [f"{top}/{one}" for top, ds, fs in os.walk("/run/cloister") for one in ds + fs if name in f"{top}/{one}"]
    return {
        "processes": len([one for one in processes() if one["uid"] == uid]),
        "mounts": mounts,
        "units": len(units),
        "run": len(run),
        "home": int(os.path.lexists(f"/sessions/{name}")) + int(uid_of(name) is not None),
    }


def launched(base, mark, **options):
    """A session that is up: its process, name and user id. The name is its own word: others may come and go meanwhile."""
    running = start(STUBBORN, mark, mounts=[f"{base}:f:rwd"], plain=True, timeout=900, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
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


def claimed_by(name):
    """The process that the machine itself has down as a session's supervisor: the call may not be it."""
    found = []
    for top, _, files in os.walk("/run/cloister"):
        for file in files:
            if name in f"{top}/{file}":
                found += [int(pid) for pid in re.findall(r'"pid":\s*(\d+)', read(f"{top}/{file}", "") or "")]
    return [pid for pid in found if pid > 1 and os.path.exists(f"/proc/{pid}")]


def gone_within(name, uid, bound, parts=NAMES):
    """Polls until nothing is left; how long it took, and what is left at the end."""
    began = time.time()
    while True:
        left = {part: count for part, count in state(name, uid).items() if count and part in parts}
        if not left or time.time() - began > bound:
            return round(time.time() - began, 2), left


def supervisors(count):
    base = folder("killed")
    seen, before, times = {part: [] for part in NAMES}, dict.fromkeys(NAMES, 0), []
    bound = 1.0 * SLOW
    for turn in range(count):
        running, name, uid = launched(base, f"m{turn}", agent=turn % 2 == 1)
        for part, number in state(name, uid).items():
            before[part] = max(before[part], number)
        # The supervisor may be the call itself, or a unit that the call asked for: both die.
        for pid in dict.fromkeys(claimed_by(name) + supervisor_of(running.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        took, left = gone_within(name, uid, bound)
        times.append(took)
        for part, number in left.items():
            seen[part].append(number)
        running.wait()
        if left:
            # The next run sweeps what is left, on a machine that has nothing better; it is not this check's to wait for.
            gone_within(name, uid, bound)
    for part in NAMES:
        attack(f"killed.{part}", not seen[part], {"left after": f"{bound:.0f} s", "in": f"{len(seen[part])} of {count} kills", "how many": seen[part][:5], "seconds until nothing was left": times[:8]})
        # A mount of a session's own namespace may not have its name; that it has a folder shows that there is one.
        control(f"killed.{part}", before[part] > 0, f"before the kill: {before[part]}")


def others():
    if not wanted("killed.others"):
        return
    with checks("killed.others"):
        base = folder("killed-others")
        told = {}
        bad = 0
        for turn, victim in enumerate(("bwrap", "cat", "apply-seccomp")):
            running, name, uid = launched(base, f"o{turn}")
            mine = [one["pid"] for one in processes() if one["name"] == victim and (one["uid"] == uid or one["pid"] in children(running.pid))]
            if victim == "cat":
                # Whatever holds the scope: the processes of its control group that are root's.
                scope = next((top for top, _, files in os.walk("/sys/fs/cgroup") if name in top and "cgroup.procs" in files), None)
                mine = [int(one) for one in (read(f"{scope}/cgroup.procs") or "").split()][:1]
            if not mine:
                told[victim] = "there is none"
                running.kill()
                gone_within(name, uid, SLOW)
                running.wait()
                continue
            for pid in mine:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                # A session may go on without the process that holds its scope open: that one is not waited for as long.
                running.wait(SLOW if victim == "cat" else 20 * max(1, SLOW // 2))
                ended_ = True
            except subprocess.TimeoutExpired:
                ended_ = victim == "cat"
                running.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(20 * max(1, SLOW // 2))
            took, left = gone_within(name, uid, 1.0 * SLOW)
            told[victim] = {"killed": len(mine), "ended": ended_, "left": left}
            bad += bool(left) or not ended_
            running.kill()
        attack("killed.others", not bad, told)
        control("killed.others", any(isinstance(one, dict) and one["killed"] for one in told.values()), f"they were there, and were killed: {[name for name, one in told.items() if isinstance(one, dict)]}")


def kept():
    if not wanted("killed.kept"):
        return
    with checks("killed.kept"):
        base = folder("killed-kept")
        name = f"escape-{TAG}-stays"
        running, _, uid = launched(base, "k", name=name)
        write(f"/sessions/{name}/mine", "mine")
        running_pids = claimed_by(name) + supervisor_of(running.pid)
        for pid in running_pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        took, left = gone_within(name, uid, 1.0 * SLOW, ("processes", "mounts", "units", "run"))
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
