RUNS = r'''
# argv: what to put in the place of every file and into every folder below /run: fifo, zero or text
kind = sys.argv[1]
put, writable = [], []
def place(path):
    if kind == "fifo": os.mkfifo(path)
    elif kind == "zero": os.symlink("/dev/zero", path)
    else: open(path, "w").write("1" * 30 + "\n")
for root, folders, files in os.walk("/run", topdown=False):
    if os.access(root, os.W_OK): writable.append(root)
    for name in files + ["started", "mark", "new"]:
        path = f"{root}/{name}"
        def deed():
            if os.path.lexists(path): os.unlink(path)
            place(path); put.append(path)
        tried(deed)
say({"put": put, "writable": writable, "tmp": os.access("/tmp", os.W_OK)})
'''


# So long, at first: nobody knows yet how long a run takes here.
PLAIN = {"seconds": 30 * max(1, SLOW // 2)}


def watched(script, *args, **options):
    """A run whose supervisor is watched: how large it grew, and how long it took after the command had ended."""
    process = start(script, *args, **options)
    peak, began = 0, time.time()
    watching = threading.Event()

    def watch():
        nonlocal peak
        while not watching.is_set():
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.1 if SLOW == 1 else 0.5)
    thread = threading.Thread(target=watch)
    thread.start()
    # So long may a run take; a computer with much else to do takes its time for every run.
    limit = max(20 * max(1, SLOW // 3), 4 * PLAIN["seconds"])
    try:
        out, err = process.communicate(timeout=limit)
        ran = Ran(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.time() - began)
        deaf = None
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
            deaf = False
        except subprocess.TimeoutExpired:
            deaf = True
        process.kill()
        process.communicate()
        ran = Ran(None, "", "", limit)
    watching.set()
    thread.join()
    return ran, peak, deaf


def runs():
    with checks(*(name for name in ("marks.writable", "marks.fifo", "marks.endless", "marks.start-told") if wanted(name))):
        base = folder("marks")
        fifo = f"{base}/fifo"
        os.mkfifo(fifo)
        stuck = here(["timeout", "2", "cat", fifo])[0]
        plain, normal, _ = watched("say({'writable': [], 'put': []})")
        PLAIN["seconds"] = plain.seconds

        ran, peak, deaf = watched(RUNS, "fifo")
        found = ran.found() if ran.code is not None else {"put": ["?"], "writable": ["?"]}
        attack("marks.writable", found["writable"] == [], {"folders that can be written": found["writable"]})
        control("marks.writable", found.get("tmp") is not None and found.get("tmp", False) or ran.code is None, "the same look finds /tmp writable")
        attack("marks.fifo", ran.code == 0, {"pipes put": found["put"], "exit code": ran.code, "seconds": round(ran.seconds, 1), "deaf to SIGINT": deaf})
        control("marks.fifo", stuck == 124, f"root's cat of a FIFO in a folder waits for ever (exit {stuck})")

        if not wanted("marks.endless"):
            return
        ran, peak, deaf = watched(RUNS, "zero")
        found = ran.found() if ran.code is not None else {"put": ["?"]}
        attack("marks.endless", ran.code == 0 and peak < normal + 200, {"links put": found["put"], "exit code": ran.code, "MB at most": peak, "MB of a plain run": normal})
        code, out, _ = here(["sh", "-c", "head -c 300000000 /dev/zero | wc -c"])
        control("marks.endless", out.strip() == "300000000", "root reads 300 MB of /dev/zero, and it does not end")

        ran, _, _ = watched(RUNS, "text")
        told, usual = (ran.run or {}).get("timings", {}), (plain.run or {}).get("timings", {})
        sane = told.get("launchMs") is None or 0 < told["launchMs"] < 60_000
        attack("marks.start-told", ran.code == 0 and sane, {"told": told.get("launchMs"), "written": ran.found()["put"] if ran.code == 0 else None})
        control("marks.start-told", (usual.get("launchMs") or 0) > 0, f"a plain run tells {usual.get('launchMs')} ms")


KEPT = r'''
os.chdir(os.path.expanduser("~"))
put = []
for name in [".bashrc", ".profile", ".bash_profile", ".bash_login", ".bash_logout", ".socatrc", ".inputrc", ".ssh", ".config", ".cache", ".npmrc", ".claude", ".node_repl_history", ".gitconfig", "mnt", "started"]:
    def deed():
        if os.path.lexists(name): os.rename(name, name + ".old")
        os.mkfifo(name) if sys.argv[1] == "fifo" else os.symlink("/dev/zero", name)
        put.append(name)
    tried(deed)
say({"put": put})
'''


def kept_home():
    if not wanted("marks.kept-home"):
        return
    with checks("marks.kept-home"):
        seen = {}
        good = True
        for kind in ("fifo", "zero"):
            name = f"escape-{TAG}-{kind}"
            put = session(KEPT, kind, name=name).found()["put"]
            ran, peak, deaf = watched("say({})", name=name)
            code, _, err = remove_session(name)
            # A home that the machine will not use is an answer too, as long as it is one.
            good = good and ran.code is not None and peak < 400 and code == 0
            seen[kind] = {"put": len(put), "exit code": ran.code, "seconds": round(ran.seconds, 1), "MB": peak, "remove": code}
        attack("marks.kept-home", good, seen)
        control("marks.kept-home", all(one["put"] > 5 for one in seen.values()), "the session put them: " + words(seen))


def output():
    if not wanted("marks.output"):
        return
    with checks("marks.output"):
        megabytes = 600
        base = folder("marks-output")
        # How much went out is in the folder: a session that never printed shows nothing.
        process = start("n = os.open(os.path.expanduser('~/mnt/f/printed'), os.O_CREAT | os.O_WRONLY)\nb = b'x' * 1048576\nfor i in range(%d):\n    sys.stdout.buffer.write(b); sys.stdout.flush(); os.pwrite(n, b'%%d' %% (i + 1), 0)\n" % megabytes, mounts=[f"{base}:f:rwd"], timeout=60)
        peak, began = 0, time.time()
        collected = threading.Thread(target=lambda: process.communicate())
        collected.start()
        while collected.is_alive() and time.time() - began < max(30 * max(1, SLOW // 2), 5 * PLAIN["seconds"]):
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.1 if SLOW == 1 else 0.5)
        process.kill()
        collected.join()
        printed = int(read(f"{base}/printed", "") or 0)
        attack("marks.output", peak < 800, {"MB of the supervisor at most": peak, "MB printed": printed, "exit code": process.returncode})
        small = session("import sys\nsys.stdout.write('x' * 1048576)\n")
        # More than is kept of an output, twice: what kept all of it would be seen.
        control("marks.output", len(small.out) >= 1048576 and printed >= 130, f"{printed} MB were taken from it; a megabyte is caught whole: {len(small.out)} bytes")


runs()
together(kept_home, output)
