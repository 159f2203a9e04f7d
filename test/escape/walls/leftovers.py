FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid")


def memory():
    ipc = {kind: len((read(f"/proc/sysvipc/{kind}") or "").split("\n")) for kind in ("shm", "sem", "msg")}
    return {**ipc, "keys": len((read("/proc/key-users") or "").split("\n")), "files in /dev/shm and /tmp": len(os.listdir("/dev/shm")) + len([name for name in os.listdir("/tmp") if not name.startswith("systemd-private")])}


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
    during, during_lines = counts(), {path: read(path) for path in FILES}
    running.send_signal(signal.SIGTERM)
    ended(running)
    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(cycle, range(GIVEN["cycles"])))
    wait_for(lambda: not difference(before, counts()), 2)
    after = counts()
    attack("leftovers.cycles", not difference(before, after), {"more or fewer": difference(before, after), "cycles": len(codes), "exit codes": sorted(set(codes), key=str)})
    more = {key for key in before if during[key] > before[key]}
    control("leftovers.cycles", {"units", "homes", "session processes", "files in /run/cloister"} <= more, f"while one runs, there are more: {difference(before, during)}")
    changed = [path for path in FILES if read(path) != lines[path]]
    attack("leftovers.lines", not changed, {"changed": changed})
    control("leftovers.lines", during_lines != lines, "while one runs, they differ")
    attack("leftovers.memory", memory() == held, {"before": held, "after": memory()})
    control("leftovers.memory", len(os.listdir("/dev/shm")) >= 0 and held["shm"] > 0, "they can be counted: " + words(held))
