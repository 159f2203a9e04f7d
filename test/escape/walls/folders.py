SWAP_READ = r'''
# argv: folder to make things in, the same folder as the other mount shows it, where the link leads, file, word to write or ""
made, seen, leads, name, word = sys.argv[1:6]
os.chdir(os.path.expanduser("~/mnt"))
got, ends = [], {}
# As long as any canary: what is read behind the link may be cut to the length of the file that was there.
OWN = "own" + "." * 96 + "\n"
for turn in range(40):
    d, s = f"{made}/d{turn}", f"{seen}/d{turn}"
    os.mkdir(d)
    open(f"{d}/{name}", "w").write(OWN)
    os.stat(s); os.stat(f"{s}/{name}")          # the kernel trusts this for a moment
    os.rename(d, d + ".away"); os.symlink(leads, d)
    def deed():
        if word:
            with open(f"{s}/{name}", "r+") as f: f.write(word)
        else:
            got.append(open(f"{s}/{name}").read().strip())
    end = tried(deed); ends[end] = ends.get(end, 0) + 1
    if turn == 0: own = open(f"{d}.away/{name}").read()[:3]
say({"got": sorted({text[:40] for text in got}), "ends": ends, "own": own})
'''


def overlap_read(base, path, word, found):
    with checks("folders.overlap-read"):
        name = os.path.basename(path)
        ends = found("overlap-read")
        attack("folders.overlap-read", word not in " ".join(ends["got"]), ends)
        led = read(f"{base}/out/d0/{name}", "").strip()
        control("folders.overlap-read", led == word and ends["own"] == "own",
                f"root, by the same path, reads {'the canary' if led == word else repr(led)}; the session read its own file before the swap: {ends['own']}")


def overlap_write(base, path, word, found):
    with checks("folders.overlap-write"):
        name = os.path.basename(path)
        after = read(path, "").strip()
        attack("folders.overlap-write", after == word, {"root's file": "unchanged" if after == word else after, "in the session": found("overlap-write")["ends"]})
        with open(f"{base}/d0/{name}", "a") as file:
            file.write("by root\n")
        control("folders.overlap-write", "by root" in read(path, ""), "root, by the same path, writes to the canary")


OTHER = r'''
# The one that swaps, and the one that looks; they speak by files in the folder.
role, leads, name = sys.argv[1:4]
os.chdir(os.path.expanduser("~/mnt/shared"))
got, turns, ends = [], 12, {}
for turn in range(turns):
    d = f"d{turn}"
    if role == "swaps":
        os.mkdir(d + ".new"); open(f"{d}.new/{name}", "w").write("own" + "." * 96 + "\n"); os.rename(d + ".new", d)
        if not until(lambda: os.path.exists(f"seen{turn}")): break
        os.rename(d, d + ".away"); os.symlink(leads, d)
        open(f"swapped{turn}", "w").close()
    else:
        if not until(lambda: os.path.isdir(d), 60): break
        os.stat(f"{d}/{name}"); open(f"seen{turn}", "w").close()
        if not until(lambda: os.path.exists(f"swapped{turn}")): break
        end = tried(lambda: got.append(open(f"{d}/{name}").read().strip()))
        ends[end] = ends.get(end, 0) + 1
        def deed():
            with open(f"{d}/{name}", "r+") as f: f.write("overwritten")
        tried(deed)
say({"turns": turn + 1, "got": sorted({text[:40] for text in got}), "ends": ends})
'''


def two_sessions():
    if not wanted("folders.two-sessions"):
        return
    with checks("folders.two-sessions"):
        base = folder("two-sessions")
        path, word = canary()
        name = os.path.basename(path)
        both = [start(OTHER, role, "/root", name, mounts=[f"{base}:shared:rwd"]) for role in ("swaps", "looks")]
        swaps, looks = [ended(one).found() for one in both]
        whole = read(path, "").strip() == word
        attack("folders.two-sessions", whole and word not in " ".join(looks["got"]), {"root's file": "unchanged" if whole else read(path), **looks})
        led = read(f"{base}/d0/{name}", "").strip()
        control("folders.two-sessions", looks["turns"] == 12 and led.startswith(word[:10]),
                f"{looks['turns']} turns of both sessions; root, by the same path, is led to the canary")


FLIP = r'''
# Exchanges a folder with a link, for as long as the file `stop` is not there. RENAME_EXCHANGE is 2.
os.chdir(os.path.expanduser("~/mnt/d"))
period, real, link, leads = float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
os.symlink(leads, link)
open("flipping", "w").close()
flips = 0
end = time.time() + float(sys.argv[5])
def rename_exchange():
    r = libc.renameat2(-100, real.encode(), -100, link.encode(), 2)
    if r != 0:  # a file system without it
        os.rename(real, real + ".x"); os.rename(link, real); os.rename(real + ".x", link)
while time.time() < end and not os.path.exists("stop"):
    rename_exchange(); flips += 1
    time.sleep(period)
say({"flips": flips})
'''
LOOK = 'ls mnt/o; cat mnt/o/$1 2>/dev/null; test -n "$2" && echo pwned > mnt/o/$2 2>/dev/null; true'


def flip(check, real, target, mounted, tries):
    """A session flips `real` in its folder with a link to `target`; the operator mounts `mounted` again and again."""
    with checks(check):
        base = folder(check.split(".")[1])
        os.makedirs(f"{base}/{mounted}", exist_ok=True)
        write(f"{base}/{mounted}/mine", "mine\n")
        give(base)
        word, name = target["word"], target["name"]
        plain = session(LOOK, name, "", shell=True, mounts=[f"{base}/{mounted}:o:ro"])
        flipper = start(FLIP, 0.7 * max(1, SLOW / 5), real, real + ".link", target["leads"], 200 * max(1, SLOW / 5), mounts=[f"{base}:d:rwd"], timeout=400)
        wait_for(lambda: os.path.exists(f"{base}/flipping"), 30)
        seen = {}
        texts = []
        def one(number):
            time.sleep(number * 0.37 % 1.4)
            return session(LOOK, name, "", shell=True, mounts=[f"{base}/{mounted}:o:ro"])
        with ThreadPoolExecutor(3) as pool:
            for ran in pool.map(one, range(tries)):
                texts.append(ran.out + ran.err)
                kind = "showed root's" if word in ran.out or target["shows"] in ran.out else "refused" if ran.code == 2 else "failed" if ran.code == 125 else "showed its own" if "mine" in ran.out else f"ended with {ran.code}"
                seen[kind] = seen.get(kind, 0) + 1
        write(f"{base}/stop", "")
        flips = ended(flipper).found()
        attack(check, "showed root's" not in seen, {"runs": seen, **flips})
        control(check, "mine" in plain.out and flips["flips"] > 3 and sum(seen.values()) == tries,
                f"without flips the run shows {plain.out.split()}; {flips['flips']} flips during {tries} runs")


def source_flip():
    if not wanted("folders.source-flip"):
        return
    path, word = canary()
    flip("folders.source-flip", "out", {"leads": "/root", "name": os.path.basename(path), "word": word, "shows": os.path.basename(path)}, "out", 5 if SLOW > 1 else 14)


def parent_flip():
    if not wanted("folders.parent-flip"):
        return
    path, word = canary(f"/root/escape-{TAG}-parent/out/secret")
    flip("folders.parent-flip", "a", {"leads": f"/root/escape-{TAG}-parent", "name": "secret", "word": word, "shows": "secret"}, "a/out", 5 if SLOW > 1 else 14)
    shutil.rmtree(f"/root/escape-{TAG}-parent", ignore_errors=True)


def link_refused(base, kept, found):
    with checks("folders.link-refused"):
        for name, leads in {"root": "/root", "home": f"/sessions/{kept}", "etc": "/etc"}.items():
            os.symlink(leads, f"{base}/{name}")
        sources = [f"{base}/root", f"{base}/home", f"{base}/etc", f"/sessions/{kept}", f"{base}/../../../root"]
        # All that is wrong is told at once: each of them must be.
        ran = session("ls mnt/*", shell=True, mounts=[f"{source}:m{number}:ro" for number, source in enumerate(sources)])
        untold = [source.replace(base, "D") for source in sources if f"{source}:m" not in ran.stderr]
        attack("folders.link-refused", ran.code == 2 and not untold, {"exit code": ran.code, "not refused": untold})
        control("folders.link-refused", "x" in found("climbing")["mnt"], "the folder that has the links was mounted before: mnt/x")


STAND = r'''
# Stands deep in its mount until it is told to look up.
os.chdir(os.path.expanduser("~/mnt/inner/x/y"))
before = os.path.exists("../../marker")
open("../ready", "w").close()
until(lambda: not os.path.exists(os.path.expanduser("~/mnt/inner/x/y")), 60)
time.sleep(0.2)
seen = {}
up = ""
for step in range(1, 9):
    up += "../"
    try:
        names = os.listdir(up)
        if "beside" in names or "canary" in names or "etc" in names: seen[step] = names[:20]
        if "beside" in names: seen["read"] = open(up + "beside").read().strip()
    except OSError as e:
        seen[step] = errno.errorcode.get(e.errno)
say({"before": before, "seen": seen, "cwd": tried(os.getcwd)})
'''
MOVE = r'''
os.chdir(os.path.expanduser("~/mnt/whole"))
ok = until(lambda: os.path.exists("inner/x/ready"), 60)
os.mkdir("elsewhere")
say({"waited": ok, "moved": tried(lambda: os.rename("inner/x/y", "elsewhere/y"))})
'''


def moved_out():
    if not wanted("folders.moved-out"):
        return
    with checks("folders.moved-out"):
        base = folder("moved-out/whole")
        outside = f"{GROUND}/moved-out"
        os.makedirs(f"{base}/inner/x/y")
        write(f"{base}/inner/marker", "")
        _, word = canary(f"{outside}/beside")
        os.chmod(f"{outside}/beside", 0o644)
        write(f"{base}/beside", word)
        give(outside)
        both = [start(STAND, mounts=[f"{base}/inner:inner:rwd"], timeout=120), start(MOVE, mounts=[f"{base}:whole:rwd"], timeout=120)]
        stands, moves = [ended(one).found() for one in both]
        attack("folders.moved-out", word not in json.dumps(stands["seen"]), stands["seen"])
        control("folders.moved-out", stands["before"] and moves["moved"] == "ok", f"before the move `..` leads to the mount's own top: {stands['before']}; the move: {moves['moved']}")


CLIMB = r'''
word = sys.argv[1]
os.chdir(os.path.expanduser("~/mnt/given"))
found, own = [], open("own").read().strip()
tops = ["..", "../..", "../../..", "../../../..", "/proc/self/cwd/..", "/proc/self/root", "/", "/sessions", "/sessions/folders", sys.argv[2]]
fd = os.open(".", os.O_RDONLY)
for top in tops:
    for rest in ("beside", sys.argv[3].lstrip("/")):
        try:
            if word in open(os.path.join(top, rest)).read(): found.append(os.path.join(top, rest))
        except OSError: pass
for rest in ("../beside", "../../beside"):
    try: found.append(os.read(os.open(rest, os.O_RDONLY, dir_fd=fd), 100).decode())
    except OSError: pass
# By a handle of a file's, with no path at all (open_by_handle_at).
numbers = {"x86_64": (303, 304), "aarch64": (264, 265)}[os.uname().machine]
handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + b"\0" * 128)
mount = ctypes.c_int()
named = called(numbers[0], fd, b"own", handle, ctypes.byref(mount), 0)
opened = called(numbers[1], fd, handle, 0)
say({"found": found, "own": own, "handle": [named, opened], "mnt": os.listdir("..")})
'''


def climbing(base, word, found):
    with checks("folders.climbing"):
        ends = found("climbing")
        attack("folders.climbing", ends["found"] == [] and ends["handle"][1] != "ok", ends)
        control("folders.climbing", ends["own"] == "own" and read(f"{base}/../beside", "").strip() == word,
                "the session reads the file that it was given; root climbs from there to the file beside it")


LEASE = r'''
import fcntl
ends = {}
for path in sys.argv[1:]:
    for kind, flags in ((fcntl.F_RDLCK, os.O_RDONLY), (fcntl.F_WRLCK, os.O_RDWR)):
        try:
            fd = os.open(os.path.expanduser(path), flags)
            # F_SETLEASE
            ends[f"{path} {kind}"] = tried(lambda: fcntl.fcntl(fd, 1024, kind))
            os.close(fd)
        except OSError as e: ends[f"{path} {kind}"] = f"open: {errno.errorcode[e.errno]}"
say(ends)
'''


def lease(base, found):
    with checks("folders.lease"):
        ends = found("lease")
        allowed = as_uid(0, LEASE, f"{base}/file")
        attack("folders.lease", len(ends) == 4 and "ok" not in ends.values() and list(ends.values()).count("EINVAL") >= 3, ends)
        control("folders.lease", set(allowed.values()) == {"ok"}, f"root's own leases on the file: {allowed}")


def in_one_session():
    """All that one session can try by itself. Its home stays, and is what another run asks for as a source."""
    kept = f"escape-{TAG}-kept"
    inner, twice, linked, leased = folder("overlap-read"), folder("overlap-write"), folder("link-refused"), folder("lease")
    folder("overlap-read/out")
    given, outside = folder("climbing/given"), f"{GROUND}/climbing"
    (to_read, read_word), (to_write, write_word), (_, beside) = canary(), canary(), canary(f"{outside}/beside")
    os.chmod(f"{outside}/beside", 0o644)
    write(f"{given}/own", "own")
    write(f"{leased}/file", "")
    give(outside)
    give(leased)
    found = steps(
        {
            "overlap-read": (SWAP_READ, "out", "p/out", "/root", os.path.basename(to_read), ""),
            "overlap-write": (SWAP_READ, "a", "b", "/root", os.path.basename(to_write), "overwritten"),
            "climbing": (CLIMB, beside, outside, f"{outside}/beside"),
            "lease": (LEASE, "~/mnt/r/file", "~/mnt/w/file"),
        },
        name=kept,
        timeout=200,
        mounts=[f"{inner}:p:ro", f"{inner}/out:out:rwd", f"{twice}:a:rwd", f"{twice}:b:rwd", f"{given}:given:rwd", f"{leased}:r:ro", f"{leased}:w:rwd", f"{linked}:x:ro"],
    )
    overlap_read(inner, to_read, read_word, found)
    overlap_write(twice, to_write, write_word, found)
    climbing(given, beside, found)
    lease(leased, found)
    link_refused(linked, kept, found)
    remove_session(kept)


with checks(*(f"folders.{name}" for name in ("overlap-read", "overlap-write", "climbing", "lease", "link-refused"))):
    in_one_session()
together(two_sessions, moved_out)
together(source_flip, parent_flip)
