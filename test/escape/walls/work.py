LOCKS = r'''
import fcntl
here = os.path.expanduser("~/mnt/f")
role = sys.argv[1]
def exclusive(fd): fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
def record(fd, start=0, length=0): fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
def ofd(fd): fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))   # F_OFD_SETLK
files = {name: os.open(f"{here}/{name}", os.O_RDWR | os.O_CREAT, 0o666) for name in ("flock", "record", "ofd", "part")}
takes = {"flock": lambda: exclusive(files["flock"]), "record": lambda: record(files["record"]), "ofd": lambda: ofd(files["ofd"]), "part": lambda: record(files["part"], 10, 10)}
if role == "holds":
    ends = {name: tried(take) for name, take in takes.items()}
    open(f"{here}/held", "w").close()
    until(lambda: os.path.exists(f"{here}/asked") and os.path.exists(f"{here}/operator"), 120)
    say(ends)
else:
    until(lambda: os.path.exists(f"{here}/held"), 120)
    ends = {name: ", ".join(sorted({tried(take) for _ in range(20)})) for name, take in takes.items()}
    ends["other part"] = tried(lambda: record(files["part"], 100, 10))
    open(f"{here}/asked", "w").close()
    say(ends)
'''
SQL = r'''
import sqlite3
path, who, rows, mode = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
path = os.path.expanduser(path)
db = sqlite3.connect(path, timeout=120, isolation_level=None)
got = db.execute(f"pragma journal_mode={mode}").fetchone()[0]
db.execute("create table if not exists t(who text, n integer)")
here = os.path.dirname(path)
open(f"{here}/ready-{who}", "w").close()
until(lambda: len([n for n in os.listdir(here) if n.startswith("ready-")]) >= 2, 120)
wrong = []
for n in range(rows):
    end = tried(lambda: db.execute("begin immediate").execute("insert into t values(?, ?)", (who, n)).execute("commit"))
    if end != "ok": wrong.append(end)
db.close()
say({"mode": got, "wrong": wrong[:5], "failed": len(wrong)})
'''


MAPPED = r'''
import mmap
here = os.path.expanduser("~/mnt/f")
if sys.argv[1] == "writes":
    fd = os.open(f"{here}/map", os.O_RDWR | os.O_CREAT); os.ftruncate(fd, 4096)
    m = mmap.mmap(fd, 4096); open(f"{here}/mapped", "w").close()
    until(lambda: os.path.exists(f"{here}/looking"), 120)
    m[0:5] = b"hello"; open(f"{here}/written", "w").close()
    until(lambda: os.path.exists(f"{here}/seen"), 60)
    say({})
else:
    until(lambda: os.path.exists(f"{here}/mapped"), 120)
    fd = os.open(f"{here}/map", os.O_RDONLY); m = mmap.mmap(fd, 4096, prot=mmap.PROT_READ); before = m[0:5]
    watch = libc.inotify_init1(os.O_NONBLOCK); libc.inotify_add_watch(watch, here.encode(), 0x100)
    open(f"{here}/looking", "w").close()
    until(lambda: os.path.exists(f"{here}/written"), 60)
    time.sleep(0.2)
    events = os.read(watch, 4096)
    result = {"mmap": m[0:5].decode(), "read": os.pread(fd, 5, 0).decode(), "before": before.hex(), "inotify": b"written" in events}
    open(f"{here}/seen", "w").close()
    until(lambda: os.path.exists(f"{here}/by-the-operator"), 60)
    time.sleep(0.2)
    result["inotify of the operator's"] = b"by-the-operator" in os.read(watch, 65536)
    say(result)
'''


REFUSED = ("EAGAIN", "EACCES")


def pair():
    """Two sessions with the same folders do the same work at once."""
    names = ("work.flock", "work.fcntl", "work.mapped", "work.sqlite", "work.sqlite-wal")
    if not wanted(*names):
        return
    with checks(*names):
        rounds = range(GIVEN["rounds"])
        keys = ["locks", "mapped", *(f"{mode}{turn}" for mode in ("delete", "wal") for turn in rounds)]
        bases = {key: folder(f"pair/{key}") for key in keys}

        def plan(first):
            scripts = {"locks": (LOCKS, "holds" if first else "asks"), "mapped": (MAPPED, "writes" if first else "reads")}
            scripts |= {f"{mode}{turn}": (SQL, "~/mnt/f/db", "a" if first else "b", "60", mode) for mode in ("delete", "wal") for turn in rounds}
            # Each in a folder of its own.
            return {key: tuple(text.replace("~/mnt/f", f"~/mnt/{key}") for text in script) for key, script in scripts.items()}
        mounts = [f"{base}:{key}:rwd" for key, base in bases.items()]
        both = [start_steps(plan(first), mounts=mounts, timeout=300) for first in (True, False)]
        wait_for(lambda: os.path.exists(f"{bases['locks']}/asked"), 30)
        theirs = operators_locks(bases["locks"])
        write(f"{bases['locks']}/operator", "")
        wait_for(lambda: os.path.exists(f"{bases['mapped']}/seen") or both[1].poll() is not None, 60)
        write(f"{bases['mapped']}/by-the-operator", "")
        first, second = [ended(one).found() for one in both]
        with checks("work.flock", "work.fcntl"):
            one, two = first["locks"], second["locks"]
            attack("work.flock", two["flock"] == "EAGAIN" and theirs["flock"] == "EAGAIN", {"second session": two["flock"], "operator": theirs["flock"]})
            control("work.flock", one["flock"] == "ok" and subprocess.run(["flock", "-n", f"{bases['locks']}/flock", "true"]).returncode == 0, "the first has it, and it is free when that session is over")
            attack("work.fcntl", all(two[name] in REFUSED for name in ("record", "ofd", "part")) and all(theirs[name] in REFUSED for name in ("record", "ofd")), {"second session": two, "operator": theirs})
            control("work.fcntl", {one[name] for name in ("record", "ofd", "part")} == {"ok"} and two["other part"] == "ok", "the first has them, and the second gets another part of the file")
        with checks("work.mapped"):
            found = second["mapped"]
            attack("work.mapped", found["mmap"] == "hello" and found["read"] == "hello" and found["inotify"] and found["inotify of the operator's"], found)
            control("work.mapped", found["before"] == "0000000000" and (read(f"{bases['mapped']}/map") or "").startswith("hello"), "before the write it was zeroes; outside it says hello")
        for check, mode in (("work.sqlite", "delete"), ("work.sqlite-wal", "wal")):
            with checks(check):
                judge(check, mode, [(f"{bases[f'{mode}{turn}']}/db", [first[f"{mode}{turn}"], second[f"{mode}{turn}"]]) for turn in rounds])


def operators_locks(base):
    """What the operator gets of locks that a session holds."""
    import fcntl
    theirs = {}
    for name in ("flock", "record", "ofd"):
        try:
            fd = os.open(f"{base}/{name}", os.O_RDWR)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB) if name == "flock" else fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            theirs[name] = "ok"
        except OSError as problem:
            theirs[name] = errno.errorcode[problem.errno]
    return theirs


def judge(check, mode, turns):
    """120 of 120 rows, in a whole database, without an error for either writer, in every turn."""
    import sqlite3
    told, good, modes = [], True, set()
    for path, found in turns:
        db = sqlite3.connect(path)
        rows, whole = db.execute("select count(*) from t").fetchone()[0], db.execute("pragma integrity_check").fetchone()[0]
        db.close()
        told.append(rows)
        modes |= {one.get("mode", "?") for one in found}
        good = good and rows == 120 and whole == "ok" and not any(one.get("failed", 1) for one in found)
    attack(check, good, {"rows of 120": told, "of the last": found, "integrity": whole})
    control(check, modes == {mode} and all(rows > 0 for rows in told), f"journal modes: {sorted(modes)}; rows were written")


def with_operator():
    """A session and the operator write into the same databases."""
    both = {"work.sqlite-operator": "delete", "work.sqlite-operator-wal": "wal"}
    if not wanted(*both):
        return
    with checks(*both):
        keys = [f"{mode}{turn}" for mode in both.values() for turn in range(GIVEN["rounds"])]
        bases = {key: folder(f"operator/{key}") for key in keys}
        mode_of = {key: re.sub(r"\d+$", "", key) for key in keys}
        first = start_steps({key: (SQL, f"~/mnt/{key}/db", "a", 60, mode_of[key]) for key in keys}, mounts=[f"{base}:{key}:rwd" for key, base in bases.items()], timeout=300)
        who = os.stat(bases[keys[0]])
        theirs = json.dumps({key: [SQL, [f"{bases[key]}/db", "b", "60", mode_of[key]]] for key in keys})
        line = ["setpriv", f"--reuid={who.st_uid}", f"--regid={who.st_gid}", "--clear-groups", "/usr/bin/python3", "-c", INSIDE + STEPS, theirs]
        second = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        found = [ended(one, 200).found() for one in (first, second)]
        for check, mode in both.items():
            with checks(check):
                judge(check, mode, [(f"{bases[key]}/db", [one[key] for one in found]) for key in keys if mode_of[key] == mode])


GIT = r'''
cd mnt/f && export HOME=/tmp GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
git config --global user.email a@b.example; git config --global user.name a; git config --global safe.directory '*'; git config --global gc.autoDetach false
step() { "$@" >/tmp/out 2>&1 || { echo "FAILED $*: $(tail -2 /tmp/out | tr '\n' ' ')"; }; }
step git init -q -b main .
for i in $(seq 20); do echo $i >> file; step git add file; step git commit -q -m "$i"; done
step git checkout -q -b side; echo side > side; step git add side; step git commit -q -m side
step git checkout -q main; step git branch -q -D side; echo dirty >> file; step git stash -q; step git stash pop -q; step git commit -q -am last; step git gc -q
echo commits $(git rev-list --count HEAD) locks $(find .git -name '*.lock' | wc -l) status $(git status --porcelain | wc -l) fsck $(git fsck 2>&1 | grep -c error)
'''


def git():
    if not wanted("work.git"):
        return
    with checks("work.git"):
        base = folder("git")
        inside = session(GIT, shell=True, mounts=[f"{base}:f:rw"], timeout=240)
        who = os.stat(base)
        code, out, err = here(["setpriv", f"--reuid={who.st_uid}", f"--regid={who.st_gid}", "--clear-groups", "sh", "-c", f"cd {base} && export HOME=/tmp && echo more >> file && git -c user.email=a@b.example -c user.name=a commit -q -am operator && git rev-list --count HEAD"])
        attack("work.git", "FAILED" not in inside.out and "commits 21 locks 0 status 0 fsck 0" in inside.out and out.strip() == "22", {"inside": inside.out.strip()[-400:], "operator's commit afterwards": (out or err).strip()[-100:]})
        control("work.git", os.path.isdir(f"{base}/.git") and "commits" in inside.out, "the repository is there, outside")


SAVES = r'''
os.chdir(os.path.expanduser("~/mnt/f"))
ends = {}
def save():
    open("there.tmp", "w").write("new"); os.rename("there.tmp", "there")
ends["save"] = tried(save)
def own():
    os.mkdir("own"); open("own/file", "w").close(); os.unlink("own/file"); os.rmdir("own"); open("x", "w").close(); os.rename("x", "y"); os.unlink("y")
ends["own"] = tried(own)
def tree():
    for i in range(20): os.makedirs(f"t/{i}"); open(f"t/{i}/f", "w").close()
    __import__("shutil").rmtree("t")
ends["tree"] = tried(tree)
# What was there before.
gone = {}
def try_(what, work, path):
    gone[what] = [tried(work), os.path.lexists(path)]
try_("unlink", lambda: os.unlink("old"), "old")
try_("unlinkat", lambda: os.unlink("old", dir_fd=os.open(".", os.O_RDONLY)), "old")
try_("rmdir", lambda: os.rmdir("empty"), "empty")
try_("by /proc", lambda: os.unlink(f"/proc/self/cwd/old"), "old")
try_("by a link", lambda: (os.symlink(".", "/tmp/way"), os.unlink("/tmp/way/../" + os.getcwd().lstrip("/") + "/old")), "old")
try_("dots", lambda: os.unlink("deep/../old"), "old")
try_("deep", lambda: os.unlink("deep/er/old"), "deep/er/old")
try_("child", lambda: subprocess.run(["rm", "-f", "old"], check=True, capture_output=True), "old")
try_("rm -rf", lambda: subprocess.run("rm -rf deep old empty", shell=True, check=True, capture_output=True), "deep/er/old")
try_("rename out", lambda: os.rename("old", os.path.expanduser("~/old")), "old")
try_("moved into an own folder, which goes", lambda: (os.mkdir("bag"), os.rename("old2", "bag/old2"), __import__("shutil").rmtree("bag")), "bag/old2")
import threading
def threads():
    errors = []
    def one():
        for _ in range(50): errors.append(tried(lambda: os.unlink("old")))
    ts = [threading.Thread(target=one) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]
    if "ok" in errors: return
    raise OSError(errno.EPERM, "")
try_("four threads", threads, "old")
say({"ends": ends, "gone": gone, "rwd": tried(lambda: os.unlink(os.path.expanduser("~/mnt/g/old")))})
'''


READS = r'''
os.chdir(os.path.expanduser("~/mnt/ro"))
fd = os.open("file", os.O_RDONLY)
tries = {"write": lambda: open("file", "w"), "append": lambda: open("file", "a"), "create": lambda: open("new", "w"), "truncate": lambda: os.truncate("file", 0), "ftruncate": lambda: os.ftruncate(os.open("file", os.O_RDWR), 0), "rename": lambda: os.rename("file", "x"), "link": lambda: os.link("file", "x"), "symlink": lambda: os.symlink("a", "x"), "mkdir": lambda: os.mkdir("x"), "unlink": lambda: os.unlink("file"),
    "utime": lambda: os.utime("file"), "chmod": lambda: os.chmod("file", 0o777), "fchmod": lambda: os.fchmod(fd, 0o777), "xattr": lambda: os.setxattr("file", "user.x", b"x"), "by /proc": lambda: open(f"/proc/self/fd/{fd}", "w"), "mkfifo": lambda: os.mkfifo("x"), "link in": lambda: os.link("/etc/passwd", "x"), "mapped": lambda: __import__("mmap").mmap(os.open("file", os.O_RDWR), 4, prot=3), "fallocate": lambda: os.posix_fallocate(os.open("file", os.O_RDWR), 0, 10)}
say({"ends": {name: tried(work) for name, work in tries.items()}, "read": open("file").read()})
'''


def modes():
    with checks("work.atomic", "work.kept-rw", "work.told", "work.read-only"):
        base = folder("saves")
        for name in ("there", "old", "old2", "deep/er/old"):
            write(f"{base}/{name}", "old")
        os.mkdir(f"{base}/empty")
        time.sleep(1.1)
        give(base)
        again = folder("saves-rwd")
        write(f"{again}/old", "old")
        give(again)
        shown = folder("read-only")
        write(f"{shown}/file", "file")
        write(f"{shown}/sub/file", "file")
        give(shown)

        def all_of_it():
            return {top: [(name, os.lstat(f"{top}/{name}").st_mode, os.lstat(f"{top}/{name}").st_mtime_ns) for name in sorted(ds + fs)] for top, ds, fs in os.walk(shown)}
        before = all_of_it()
        told = steps({"saves": (SAVES,), "reads": (READS,)}, mounts=[f"{base}:f:rw", f"{again}:g:rwd", f"{shown}:ro:ro"], timeout=120)
        after = all_of_it()
        with checks("work.atomic", "work.kept-rw"):
            found = told("saves")
            attack("work.atomic", set(found["ends"].values()) == {"ok"} and read(f"{base}/there") == "new", found["ends"])
            control("work.atomic", not os.path.exists(f"{base}/t") and os.path.exists(f"{base}/there"), "outside it is as the session left it")
            lost = [name for name in ("old", "deep/er/old") if not os.path.exists(f"{base}/{name}")] + ([] if os.path.isdir(f"{base}/empty") else ["empty"])
            if not (os.path.exists(f"{base}/old2") or os.path.exists(f"{base}/bag/old2")):
                lost.append("old2")
            attack("work.kept-rw", not lost, {"lost": lost, "ends": {what: end for what, (end, _) in found["gone"].items()}})
            control("work.kept-rw", found["rwd"] == "ok" and not os.path.exists(f"{again}/old"), "in rwd the same call deletes it")
        with checks("work.told"):
            said = [line for line in (told.ran.stderr + "\n" + told.ran.err).split("\n") if "was not deleted" in line]
            refused = [what for what, (end, _) in told("saves")["gone"].items() if end != "ok"]
            attack("work.told", len(said) == 1 and "this needs mode rwd or trash" in said[0], {"said": said[:3], "how often": len(said)})
            control("work.told", len(refused) >= 5, f"so often was it refused: {len(refused)}")
        with checks("work.read-only"):
            found = told("reads")
            attack("work.read-only", "ok" not in found["ends"].values() and before == after and read(f"{shown}/file") == "file", found["ends"])
            write(f"{shown}/new", "")
            control("work.read-only", found["read"] == "file" and os.path.exists(f"{shown}/new"), "inside it is read; outside it is written")


TRASH = r'''
os.chdir(os.path.expanduser("~/mnt/f"))
ends = {"unlink": tried(lambda: os.unlink("old")), "tree": tried(lambda: __import__("shutil").rmtree("tree")), "own": tried(lambda: (open("own", "w").close(), os.unlink("own")))}
say({"ends": ends, "left": sorted(os.listdir(".")), "there": os.path.lexists("old")})
'''
PLANT = r'''
os.chdir(os.path.expanduser("~/mnt/f"))
target, ends = sys.argv[1], {}
for name in (".cloister-trash", ".trash", ".Trash", ".Trash-0", ".cloister", "trash"):
    def deed():
        if os.path.lexists(name): os.rename(name, name + ".away")
        os.symlink(target, name)
    ends[name] = tried(deed)
os.rename("way", "way.away"); os.symlink(target, "way")
ends["through a link"] = tried(lambda: os.unlink("way/secret"))
ends["deleted"] = tried(lambda: os.unlink("old"))
ends["odd"] = tried(lambda: os.unlink(b"odd\n\xff"))
# Where it was is a link now: restore must not be led.
os.rename("sub", "sub.gone") if os.path.isdir("sub") else None
ends["in sub"] = tried(lambda: os.unlink("sub.gone/file"))
os.symlink(target, "sub")
say(ends)
'''


# In a repository that was there before: what a tool that works for somebody does to files that git knows.
TRASH_GIT = r'''
cd "mnt/$1" && export HOME=/tmp GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
git config --global user.email a@b.example; git config --global user.name a; git config --global safe.directory '*'; git config --global gc.autoDetach false
step() { "$@" >/tmp/out 2>&1 || { echo "FAILED $*: $(tail -2 /tmp/out | tr '\n' ' ')"; }; }
echo dirty >> a; step git stash -q; step git checkout -q other; step git checkout -q main; step git stash pop -q; step git checkout -q -- a
step git rm -q b; step git commit -q -m gone; step git merge -q -m merged other
echo status $(git status --porcelain | wc -l) locks $(find .git -name '*.lock' | wc -l) fsck $(git fsck 2>&1 | grep -c error) files $(ls | tr '\n' ' ')
'''


def trash_git():
    if not wanted("work.trash-git"):
        return
    with checks("work.trash-git"):
        base, free = folder("trash-git/f"), folder("trash-git/g")
        make = "git init -q -b main . && git config user.email a@b.example && git config user.name a && echo first > a && echo word-%s > b && git add . && git commit -q -m 1 && git checkout -q -b other && echo other > a && echo c > c && git add . && git commit -q -m 2 && git checkout -q main" % TAG
        who = os.stat(base)
        for one in (base, free):
            code, _, err = here(["setpriv", f"--reuid={who.st_uid}", f"--regid={who.st_gid}", "--clear-groups", "sh", "-c", f"cd {one} && export HOME=/tmp && {make}"])
            if code != 0:
                raise RuntimeError(f"no repository: {err[-200:]}")
        time.sleep(1.1)
        ran = session('bash -c "$1" bash f; bash -c "$1" bash g', TRASH_GIT, shell=True, mounts=[f"{base}:f:trash", f"{free}:g:rwd"], timeout=240)
        lines = [line for line in ran.out.split("\n") if line.strip()]
        good = "status 0 locks 0 fsck 0 files a c"
        ends = [line.strip() for line in lines if line.startswith("status")]
        listed = here(["cloister", "trash", "ls", base])[1]
        kept = here(["grep", "-rl", f"word-{TAG}", f"{base}/.cloister-trash"])[1].strip()
        attack("work.trash-git", ends[:1] == [good] and "FAILED" not in ran.out.split("status")[0] and bool(kept) and not os.path.exists(f"{base}/b"), {"inside": ran.out.strip()[:300], "what was deleted is in the trash": bool(kept), "listed": listed.strip()[-200:]})
        control("work.trash-git", ends[1:] == [good], f"in rwd the same works: {ends[1:]}")


def trash():
    if not wanted("work.trash"):
        return
    with checks("work.trash", "work.trash-links"):
        base = folder("trash")
        for name in ("old", "tree/a/b", "tree/c"):
            write(f"{base}/{name}", f"content of {name}")
        time.sleep(1.1)
        give(base)
        ran = session(TRASH, mounts=[f"{base}:f:trash"])
        if ran.code == 2:
            for name in ("work.trash", "work.trash-links"):
                attack(name, False, "there is no mode trash: " + ran.stderr.strip()[:150])
                control(name, True, "folders are there")
            return
        found = ran.found()
        listed = here(["cloister", "trash", "ls", base])
        restored = here(["cloister", "trash", "restore", base])
        back = read(f"{base}/old") == "content of old" and read(f"{base}/tree/a/b") == "content of tree/a/b"
        attack("work.trash", set(found["ends"].values()) == {"ok"} and not found["there"] and "old" in listed[1] and back, {"inside": found, "listed": listed[1].strip()[:200], "restored": back, "said": restored[2].strip()[-100:]})
        emptied = session(TRASH, mounts=[f"{base}:f:trash"]).found()
        code = here(["cloister", "trash", "empty", base])[0]
        control("work.trash", code == 0 and "old" not in here(["cloister", "trash", "ls", base])[1] and not os.path.exists(f"{base}/old"), "deleted again and emptied, it is gone")

        base = folder("trash-links")
        for name in ("old", "sub/file", "way/x"):
            write(f"{base}/{name}", f"content of {name}")
        with open(f"{base}/".encode() + b"odd\n\xff", "w") as file:
            file.write("odd")
        time.sleep(1.1)
        give(base)
        victim = f"/root/escape-{TAG}-trash"
        path, word = canary(f"{victim}/secret")
        before = sorted(os.listdir(victim))
        planted = session(PLANT, victim, mounts=[f"{base}:f:trash"]).found()
        here(["cloister", "trash", "ls", base])
        restored = here(["cloister", "trash", "restore", base])
        emptied = here(["cloister", "trash", "empty", base])
        after = sorted(os.listdir(victim)) if os.path.isdir(victim) else "gone"
        attack("work.trash-links", after == before and read(path, "").strip() == word, {"root's folder": after, "inside": planted, "restore": restored[0], "empty": emptied[0]})
        os.symlink(victim, f"{GROUND}/led-{TAG}")
        write(f"{GROUND}/led-{TAG}/written", "")
        control("work.trash-links", "written" in os.listdir(victim), "root, by such a link, writes into the folder")
        shutil.rmtree(victim, ignore_errors=True)


together(pair, git)
together(with_operator, modes, trash, trash_git)
