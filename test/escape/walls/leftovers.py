FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid")


def memory():
    ipc = {kind: len((read(f"/proc/sysvipc/{kind}") or "").split("\n")) for kind in ("shm", "sem", "msg")}
    keeper = next((one["pid"] for one in processes() if one["name"] == "keeper" and one["uid"] == 0), None)
    ipc["descriptors of the keeper"] = len(os.listdir(f"/proc/{keeper}/fd")) if keeper else 0
    # A project is listed while something belongs to it: what is in no session's home is project 0, which is always there.
    ipc["projects with a quota"] = len([line for line in here(["repquota", "-P", "-n", "/sessions"])[1].split("\n") if line.startswith("#")])
    return {**ipc, "keys": len((read("/proc/key-users") or "").split("\n")), "files in /dev/shm and /tmp": len(os.listdir("/dev/shm")) + len([name for name in os.listdir("/tmp") if not name.startswith("systemd-private")])}


# How each kind of cycle is to end: nothing is left of a session that never was.
ENDS = (0, 0, 3, 137, 2)


def cycle(number):
    base = f"{GROUND}/cycles"
    kinds = number % 5
    if kinds == 0:
        return session("open(os.path.expanduser('~/mnt/f/x%d'), 'w').close(); say({})" % number, mounts=[f"{base}:f:rwd", f"{base}:g:ro"]).code
    if kinds == 1:
        name = f"escape-{TAG}-cycle{number}"
        session("say({})", name=name)
        return remove_session(name)[0]
    if kinds == 2:
        return session("sys.exit(3)", agent=True).code
    if kinds == 3:
        return session("os.kill(os.getpid(), 9)", mounts=[f"{base}:f:rw"]).code
    return session("say({})", mounts=["/root:f:ro"]).code


with checks("leftovers.cycles", "leftovers.lines", "leftovers.memory"):
    folder("cycles")
    # The first sweeps what others left, and starts what stays.
    session("say({})")
    before, lines, held = settled_counts(), {path: read(path) for path in FILES}, memory()
    running = start("time.sleep(600)", mounts=[f"{GROUND}/cycles:f:rwd"])
    wait_for(lambda: counts()["session processes"] >= 5, 30)
    during, during_lines, during_held = counts(), {path: read(path) for path in FILES}, memory()
    running.send_signal(signal.SIGTERM)
    ended(running)
    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(cycle, range(GIVEN["cycles"])))
    wait_for(lambda: not difference(before, counts()), 2)
    after = counts()
    attack("leftovers.cycles", not difference(before, after), {"more or fewer": difference(before, after), "cycles": len(codes), "exit codes": codes[:5]})
    more = {key for key in before if during[key] > before[key]}
    odd = [number for number, code in enumerate(codes) if code != ENDS[number % 5]]
    control("leftovers.cycles", {"units", "homes", "session processes", "files in /run/cloister"} <= more and not odd, f"while one runs, there are more: {difference(before, during)}; cycles that did not end as they should: {[codes[one] for one in odd][:5]}")
    changed = [path for path in FILES if read(path) != lines[path]]
    attack("leftovers.lines", not changed, {"changed": changed})
    control("leftovers.lines", during_lines != lines, "while one runs, they differ")
    wait_for(lambda: memory() == held, 2)
    now = memory()
    attack("leftovers.memory", now == held, {"before": held, "after": now})
    # What a session could have left, made by hand: all of it is counted.
    libc = ctypes.CDLL(None)
    made = {"shm": libc.shmget(0, 4096, 0o1600), "sem": libc.semget(0, 1, 0o1600), "msg": libc.msgget(0, 0o1600)}
    write(f"/dev/shm/escape-{TAG}", "")
    seen = difference(now, memory())
    os.unlink(f"/dev/shm/escape-{TAG}")
    for kind, number in made.items():
        {"shm": lambda n: libc.shmctl(n, 0, None), "sem": lambda n: libc.semctl(n, 0, 0), "msg": lambda n: libc.msgctl(n, 0, None)}[kind](number)
    # Where nothing can be counted, nothing can be missed. Not every machine has limits of homes, or the program that lists them.
    listed = os.path.exists("/run/cloister/quota") and shutil.which("repquota")
    blind = [] if held["descriptors of the keeper"] else ["descriptors of the keeper"]
    if listed and during_held["projects with a quota"] <= held["projects with a quota"]:
        blind.append("projects with a quota")
    quotas = "" if listed else "; quotas are not counted: there are none here, or no repquota"
    control("leftovers.memory", {"shm", "sem", "msg", "files in /dev/shm and /tmp"} <= set(seen) and not blind, f"one of each, made by root, is counted: {seen}; while one runs, there are more: {difference(held, during_held)}; not counted: {blind}{quotas}")
