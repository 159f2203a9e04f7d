# One round of the fuzzer: a session arranges, the machine acts, and what must not have changed is looked at. Everything in it
# comes from the round's data; the time at which things meet does not.
ARRANGE = r'''
import threading
plan = json.loads(sys.argv[1]); targets = plan["targets"]
os.umask(0)
base = os.path.expanduser("~/mnt/d").encode()
stop = threading.Event()
made, workers = {}, []
def raw(piece): return bytes.fromhex(piece["name"])
def note(kind, end): made.setdefault(kind, {}); made[kind][end] = made[kind].get(end, 0) + 1
def loop(work, pause):
    def go():
        while not stop.is_set():
            try: work()
            except OSError: pass
            time.sleep(max(pause, 0.0005))
    workers.append(threading.Thread(target=go, daemon=True))
def place(piece, top):
    path = top + b"/" + raw(piece); kind = piece["kind"]
    lead = (targets.get(piece.get("target"), "") + piece.get("suffix", "")).encode()
    if kind == "file":
        fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644); os.write(fd, b"x" * piece["bytes"]); os.close(fd); os.chmod(path, piece["mode"])
    elif kind == "sparse":
        fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644); os.ftruncate(fd, piece["bytes"]); os.close(fd)
    elif kind == "link": os.symlink(lead, path)
    elif kind == "hard":
        open(path + b".1"[: 255 - len(raw(piece))] if len(raw(piece)) > 250 else path + b".1", "w").close(); os.link(path + b".1", path)
    elif kind == "fifo": os.mkfifo(path)
    elif kind == "deep":
        here = os.open(top, os.O_RDONLY); name = raw(piece)
        for i in range(piece["levels"]):
            os.mkdir(name, dir_fd=here); below = os.open(name, os.O_RDONLY, dir_fd=here); os.close(here); here = below; name = b"d" * piece["length"]
        os.close(here)
    elif kind == "many":
        os.mkdir(path)
        for i in range(piece["count"]): os.close(os.open(path + b"/%d" % i, os.O_CREAT | os.O_WRONLY))
    elif kind == "folder":
        os.mkdir(path)
        for inner in piece["inside"]: note(inner["kind"], tried(lambda: place(inner, path)))
        os.chmod(path, piece["mode"])
    elif kind == "swap":
        # Plain names beside it, so that two long names do not make a longer one.
        other = top + b"/s%d" % len(workers)
        os.mkdir(path); open(path + b"/canary", "w").close(); os.symlink(lead, other)
        loop(lambda: libc.renameat2(-100, path, -100, other, 2), piece["pauseMs"] / 1000)
    elif kind == "turn":
        def turn():
            for make in (lambda: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)), lambda: os.mkdir(path), lambda: os.symlink(lead, path), lambda: os.mkfifo(path)):
                tried(make)
                tried(lambda: os.unlink(path)); tried(lambda: os.rmdir(path))
        loop(turn, piece["pauseMs"] / 1000)
    elif kind == "wander":
        other = top + b"/w%d" % len(workers)
        os.mkdir(path); os.mkdir(path + b"/in"); os.mkdir(other)
        def wander(): os.rename(path + b"/in", other + b"/in"); os.rename(other + b"/in", path + b"/in")
        loop(wander, piece["pauseMs"] / 1000)
for piece in plan["pieces"]: note(piece["kind"], tried(lambda: place(piece, base)))
for worker in workers: worker.start()
open(base + b"/.arranged", "w").close()
# Meanwhile: read and write whatever can be reached from here. What was a file may be a FIFO by then.
words, wrote = set(), 0
def peek(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try: return os.read(fd, 4096)
    finally: os.close(fd)
def reach(top, depth):
    global wrote
    if depth == 0 or stop.is_set(): return
    try: names = os.listdir(top)
    except OSError: return
    for name in names[:60]:
        path = top + b"/" + name
        try:
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode): tried(lambda: open(path + b"/pwned", "x").close()); reach(path, depth - 1)
            elif stat.S_ISREG(status.st_mode):
                words.update(re.findall(rb"canary-[0-9a-f]{24}", peek(path)))
                if b"canary" in name:
                    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK); os.write(fd, b"pwned"); os.close(fd); wrote += 1
        except OSError: pass
end = time.time() + plan["seconds"]
while time.time() < end and not os.path.exists(base + b"/.stop"):
    reach(base, 4); time.sleep(0.01)
stop.set()
say({"made": made, "words": sorted(w.decode() for w in words), "workers": len(workers)})
'''
# What is run in the sessions that the operator starts meanwhile: the same look around, for as long as it takes once.
LOOK = r'''
words = set()
def peek(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try: return os.read(fd, 4096)
    finally: os.close(fd)
def reach(top, depth):
    if depth == 0: return
    try: names = os.listdir(top)
    except OSError: return
    for name in names[:60]:
        path = top + b"/" + name
        try:
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode): tried(lambda: open(path + b"/pwned", "x").close()); reach(path, depth - 1)
            elif stat.S_ISREG(status.st_mode):
                words.update(re.findall(rb"canary-[0-9a-f]{24}", peek(path)))
                if name == b"canary":
                    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK); os.write(fd, b"pwned"); os.close(fd)
        except OSError: pass
for _ in range(3): reach(os.path.expanduser("~/mnt").encode(), 4)
say({"words": sorted(w.decode() for w in words)})
'''
HOME = r'''
plan = json.loads(sys.argv[1])
home = os.path.expanduser("~").encode()
for i, lead in enumerate(plan["targets"].values()): tried(lambda: os.symlink(lead, home + b"/l%d" % i))
def mnt():
    os.rename(home + b"/mnt", home + b"/mnt.away"); os.symlink(plan["targets"]["outside"], home + b"/mnt")
say({"mnt": tried(mnt)})
'''

plan, mode, acts = GIVEN["round"], GIVEN["round"]["mode"], GIVEN["round"]["acts"]
problems, told = [], {}
base = folder("d")
spots = {"root": f"/root/escape-{TAG}", "etc": f"/etc/escape-{TAG}", "outside": f"{GROUND}/outside", "operator": f"/home/operator/escape-{TAG}"}
other = f"escape-{TAG}-home"
session("say({})", name=other)
spots["home-of-another"] = f"/sessions/{other}"
watched = {}
for name, spot in spots.items():
    path, word = canary(f"{spot}/canary")
    if name in ("outside", "operator"):
        give(spot)
    watched[name] = (spot, word)
before_lists = {name: sorted(os.listdir(spot)) for name, (spot, _) in watched.items()}
targets = {**spots, "top": "/", "parent": "../..", "itself": "itself", "process": "/proc/self/root", "missing": f"/root/escape-{TAG}/missing", "own-mount": "../d", "device": "/dev/zero"}
everything = {word: name for name, (_, word) in watched.items()}


def leaks(words_, where):
    for word in words_:
        if word in everything:
            problems.append(f"{where} read the canary of {everything[word]}")


def bounded(what, ran):
    """An act that never ends is a fault too."""
    if ran.code is None:
        problems.append(f"{what} did not end")
    told[what] = ran.code
    with contextlib.suppress(Exception):
        leaks(ran.found()["words"], what)
    return ran


def names_inside():
    """Names that a session has made, as an operator would find and mount them."""
    found = []
    for name in os.listdir(base.encode()):
        if b":" not in name and b"\0" not in name:
            with contextlib.suppress(UnicodeDecodeError):
                found.append(name.decode())
    random.Random(plan["seed"]).shuffle(found)
    return [name for name in found if not name.startswith(".")][:3]


def act(name):
    if name == "mount-inside":
        for one in names_inside()[:2]:
            bounded(f"mount {one[:20]!r}", session(LOOK, mounts=[f"{base}/{one}:o:rwd"], timeout=40))
    elif name == "mount-overlapping":
        inner = next((one for one in names_inside() if os.path.isdir(f"{base}/{one}")), None)
        bounded(name, session(LOOK, mounts=[f"{base}:p:ro"] + ([f"{base}/{inner}:q:rwd"] if inner else []), timeout=40))
    elif name == "mount-same-twice":
        bounded(name, session(LOOK, mounts=[f"{base}:p:rwd", f"{base}:q:rw"], timeout=40))
    elif name == "second-session":
        bounded(name, session(LOOK, mounts=[f"{base}:d:rwd"], timeout=40))
    elif name in ("kept-and-again", "remove"):
        kept = f"escape-{TAG}-{name.split('-')[0]}"
        told[name] = [session(HOME, json.dumps({"targets": targets}), name=kept, mounts=[f"{base}:d:{mode}"], timeout=40).code]
        if name == "kept-and-again":
            told[name].append(bounded(f"{name}: again", session(LOOK, name=kept, mounts=[f"{base}:d:rwd"], timeout=40)).code)
        code = remove_session(kept)[0]
        gone = not os.path.lexists(f"/sessions/{kept}")
        told[name].append(code)
        if gone != (code == 0):
            problems.append(f"{name}: the removal ended with {code}, and the home is {'gone' if gone else 'there'}")
        if not gone:
            problems.append(f"{name}: the home stays")
    elif name == "trash" and mode == "trash":
        for line in (["ls"], ["restore"], ["empty"]):
            told[f"trash {line[0]}"] = here(["cloister", "trash", *line, base], 60)[0]


arranging = start(ARRANGE, json.dumps({"pieces": plan["pieces"], "targets": targets, "seconds": 60 * max(1, SLOW // 2)}), mounts=[f"{base}:d:{mode}"], timeout=150)
arranged = wait_for(lambda: os.path.exists(f"{base}/.arranged") or arranging.poll() is not None, 20)
if os.path.exists(f"{base}/.arranged"):
    # This computer's own acts (copies) begin when it sees this.
    write(f"{GROUND}/arranged", "")
    machines = [name for name in acts if not name.startswith("copy")]
    if machines:
        together(*((lambda name=name: act(name)) for name in machines))
    if any(name.startswith("copy") for name in acts):
        wait_for(lambda: os.path.exists(f"{GROUND}/copied"), 12)
led = 0
for name in os.listdir(base.encode()):
    with contextlib.suppress(OSError):
        path = base.encode() + b"/" + name
        if os.path.islink(path) and os.path.isfile(path + b"/canary"):
            led += 1
with contextlib.suppress(OSError):
    write(f"{base}/.stop", "")
ran = ended(arranging, 60)
if ran.code is None:
    problems.append("the session that arranged did not end")
made = {}
with contextlib.suppress(Exception):
    found = ran.found()
    made = found["made"]
    leaks(found["words"], "the session itself")
for name, (spot, word) in watched.items():
    if read(f"{spot}/canary", "").strip() != word:
        problems.append(f"the canary of {name} changed")
    now = sorted(os.listdir(spot)) if os.path.isdir(spot) else ["gone"]
    if now != before_lists[name]:
        problems.append(f"in the folder of {name} there is {sorted(set(now) ^ set(before_lists[name]))}")
bits_outside = []
for top, ds, fs in os.walk(base.encode()):
    for one in ds + fs:
        with contextlib.suppress(OSError):
            entry = os.lstat(top + b"/" + one).st_mode
            if (entry & 0o6000 and not stat.S_ISLNK(entry)) or stat.S_ISCHR(entry) or stat.S_ISBLK(entry):
                bits_outside.append(repr(one[:20]))
if bits_outside:
    problems.append(f"set-id bits or devices outside: {bits_outside[:3]}")
remove_session(other)
for name in ("root", "etc", "operator"):
    shutil.rmtree(spots[name], ignore_errors=True)
CANARIES.clear()
attack("fuzz.round", not problems, json.dumps({"problems": problems, "acts": told})[:600])
# An act that the machine could not make (125) has met nothing of what was arranged; a refusal (2) has.
unmade = [what for what, code in told.items() if code == 125 or isinstance(code, list) and set(code) == {125}]
control("fuzz.round", bool(made) and len(unmade) < max(1, len(told)), json.dumps({"made": made, "could not be made": unmade, "links that lead root to a canary": led})[:600])
_outcome("fuzz.round", "links", led)
