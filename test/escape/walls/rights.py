NAMES = ("capabilities", "view", "unit", "keeper", "guard")
STAYS = r'''
here = os.path.expanduser("~/mnt/f")
open(f"{here}/name", "w").write(os.environ["USER"]); os.rename(f"{here}/name", f"{here}/ready")
until(lambda: os.path.exists(f"{here}/stop"), 200)
say({"own": tried(lambda: os.unlink(f"{here}/ready")), "old": tried(lambda: os.unlink(f"{here}/old"))})
'''
# Run where a process is: what its paths lead to.
LOOK = r'''
given = json.loads(sys.argv[1])
def look(path):
    got = []
    end = tried(lambda: got.extend(os.listdir(path) if os.path.isdir(path) else [open(path, "rb").read(1).hex()]))
    return end if end != "ok" else "shown" if any(got) else "empty"
say({"read": {path: look(path) for path in given["read"]}, "written": {path: tried(lambda: os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))) for path in given["written"]}, "disks": [name for name in os.listdir("/dev") if re.match(r"(nvme\d|vd[a-z]|sd[a-z]|xvd|mem$|kmsg$|port$)", name)]})
'''
# By their numbers (linux/capability.h): what none of them needs.
MORE = {2: "DAC_READ_SEARCH", 9: "LINUX_IMMUTABLE", 12: "NET_ADMIN", 13: "NET_RAW", 16: "SYS_MODULE", 17: "SYS_RAWIO", 19: "SYS_PTRACE", 20: "SYS_PACCT", 22: "SYS_BOOT", 25: "SYS_TIME", 27: "MKNOD", 32: "MAC_OVERRIDE", 33: "MAC_ADMIN", 34: "SYSLOG", 38: "PERFMON", 39: "BPF", 40: "CHECKPOINT_RESTORE"}


def rights_of(pid):
    text = read(f"/proc/{pid}/status", "")

    def pick(key):
        return (re.search(rf"^{key}:\s*(\S+)", text, re.M) or [None, ""])[1]
    sets = {name: int(pick(name) or "0", 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return {"name": pick("Name"), "uid": int(pick("Uid") or -1), "sets": sets, "nnp": pick("NoNewPrivs"), "seccomp": pick("Seccomp")}


def too_much(one, allowed=()):
    """Capabilities in any set that it has no use for."""
    every = 0
    for value in one["sets"].values():
        every |= value
    return [name for number, name in MORE.items() if every >> number & 1 and name not in allowed]


def group_of(pid):
    found = re.search(r"^0::(.*)$", read(f"/proc/{pid}/cgroup", ""), re.M)
    return found[1] if found else "?"


def limits_of(group):
    return {name: (read(f"/sys/fs/cgroup{group}/{name}") or "none").strip() for name in ("memory.max", "pids.max")}


def seen_by(pid, given):
    line = ["nsenter", f"--target={pid}", "--mount", "--", "/usr/bin/python3", "-c", INSIDE + LOOK, json.dumps(given)]
    code, out, err = here(line, cwd="/")
    for text in reversed(out.split("\n")):
        if text.startswith("{"):
            return json.loads(text)
    raise RuntimeError(f"where {pid} is (exit {code}): {err[-200:]}")


def led(seen, read_, written):
    """What a path led to."""
    return {"read": [path for path in read_ if seen["read"][path] == "shown"], "written": [path for path in written if seen["written"][path] == "ok"], "disks": seen["disks"]}


with checks(*(f"rights.{name}" for name in NAMES)):
    base = folder("rights")
    write(f"{base}/old", "old")
    give(base)
    time.sleep(1.1)
    path, _ = canary()
    running = start(STAYS, mounts=[f"{base}:f:rw"], agent=True, timeout=300)
    wait_for(lambda: os.path.exists(f"{base}/ready"), 30)
    name = read(f"{base}/ready")
    uid = uid_of(name)
    claimed = supervisors_of(name)
    if not claimed:
        raise RuntimeError(f"nobody has {name} down as its own")
    supervisor = claimed[0]
    chain = {pid: rights_of(pid) for pid in dict.fromkeys([supervisor, *children(supervisor)])}
    roots = {pid: one for pid, one in chain.items() if one["uid"] == 0}
    init, own = rights_of(1), rights_of(os.getpid())

    # It removes homes, of which a file may be immutable.
    bad = {f"{pid} {one['name']}": [*too_much(one, ("LINUX_IMMUTABLE",)), *([] if one["nnp"] == "1" else ["may gain more"]), *([] if one["seccomp"] == "2" else ["no filter"])] for pid, one in roots.items()}
    bad = {who: what for who, what in bad.items() if what}
    attack("rights.capabilities", not bad, {"too much": bad, "of": [one["name"] for one in roots.values()]})
    control("rights.capabilities", len(too_much(own)) > 12 and own["nnp"] == "0" and len(roots) >= 1, f"root's own programs have {len(too_much(own))} of them, process 1 {len(too_much(init))}")

    read_ = [path, "/root", "/boot", "/etc/ssh", "/etc/sudoers", "/etc/ssl/private", "/var/log", "/var/lib/cloud", "/run/log", "/run/udev", "/proc/kcore", "/lib/modules"]
    written = [f"/usr/local/bin/escape-{TAG}", f"/etc/cloister/escape-{TAG}", f"/etc/systemd/system/escape-{TAG}.service", f"/etc/cron.d/escape-{TAG}", f"/root/escape-{TAG}-new", "/proc/sys/kernel/core_pattern", f"/run/cloister/code/escape-{TAG}"]
    given = {"read": read_, "written": written}
    seen = led(seen_by(supervisor, given), read_, written)
    attack("rights.view", not any(seen.values()), seen)
    outside = led(seen_by(os.getpid(), given), read_, written)
    for one in written:
        if TAG in one:
            with contextlib.suppress(OSError):
                os.unlink(one)
    control("rights.view", {path, "/boot", "/etc/ssh", "/var/log"} <= set(outside["read"]) and len(outside["written"]) >= 5 and bool(outside["disks"]), f"where root is otherwise: {outside}")

    groups = {"supervisor": group_of(supervisor), "session": group_of(next(one["pid"] for one in processes() if one["uid"] == uid)), "this program": group_of(os.getpid())}
    bounds = {who: limits_of(group) for who, group in groups.items()}
    bounded = all(value not in ("max", "none") for who in ("supervisor", "session") for value in bounds[who].values())
    apart = len({*groups.values()}) == 3 and not groups["supervisor"].startswith(("/user.slice", "/cloister.slice"))
    attack("rights.unit", bounded and apart, {"control groups": groups, "limits": bounds})
    control("rights.unit", bounds["this program"]["memory.max"] in ("max", "none"), f"its caller's own has no such limit: {bounds['this program']}")

    keeper = next((one["pid"] for one in processes() if one["name"] == "keeper" and one["uid"] == 0), None)
    if keeper is None:
        raise RuntimeError("there is no keeper")
    seen = led(seen_by(keeper, given), read_[:2] + ["/proc/kcore"], written)
    rights_ = rights_of(keeper)
    much = too_much(rights_, ("LINUX_IMMUTABLE",)) + ([] if rights_["nnp"] == "1" and rights_["seccomp"] == "2" else ["may gain more, or no filter"])
    if rights_["sets"]["CapBnd"] >> 21 & 1:
        much.append("SYS_ADMIN")
    networks = re.findall(r"^\s*([^\s:]+):", read(f"/proc/{keeper}/net/dev", ""), re.M)
    limits = limits_of(group_of(keeper))
    attack("rights.keeper", not much and not any(seen.values()) and networks == ["lo"] and "max" not in limits.values(), {"too much": much, **seen, "networks": networks, "limits": limits})
    control("rights.keeper", len(outside["read"]) > 3 and len(re.findall(r"^\s*([^\s:]+):", read("/proc/net/dev"), re.M)) > 1, "root's own programs read, write and have networks")
    for one in written:
        if TAG in one:
            with contextlib.suppress(OSError):
                os.unlink(one)

    guards = {one["pid"]: rights_of(one["pid"]) for one in processes() if one["name"] == "guard" and one["uid"] == uid}
    # What it could not gain in any case (no_new_privs) is no right.
    strong = {pid: [key for key, value in one["sets"].items() if value and key != "CapBnd"] + ([] if one["nnp"] == "1" else ["may gain more"]) for pid, one in guards.items()}
    elsewhere = [one["pid"] for one in processes() if one["name"] == "guard" and one["uid"] == 0]
    write(f"{base}/stop", "")
    ends = ended(running).found()
    attack("rights.guard", bool(guards) and not any(strong.values()) and not elsewhere, {"guards": strong, "of root's": elsewhere})
    control("rights.guard", ends == {"own": "ok", "old": "EPERM"}, f"it decides: {ends}")
