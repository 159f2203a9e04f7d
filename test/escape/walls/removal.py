TRUTHS, STAYED, PEAKS = {}, [], {}


def unremoved():
    """What the machine itself says that it could not remove."""
    return json.dumps(json.loads(here(["cloister", "report"])[1] or "{}").get("unremoved", []))


def removed(name):
    """Removes a kept session; whether it is gone, and whether the exit code said so."""
    process = subprocess.Popen(["cloister", "remove", name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = []
    reading = threading.Thread(target=lambda: said.append(process.stderr.read()))
    reading.start()
    end = time.time() + 120 * max(1, SLOW // 2)
    while process.poll() is None and time.time() < end:
        # Of what it starts, too: that is what walks the tree.
        PEAKS[name] = max(PEAKS.get(name, 0), memory_of(process.pid))
        time.sleep(0.05)
    process.kill()
    code = process.wait()
    reading.join()
    err = said[0]
    gone = not os.path.lexists(f"/sessions/{name}") and uid_of(name) is None
    TRUTHS[name] = {"gone": gone, "exit code": code}
    if not gone:
        STAYED.append(name)
    return gone, code, err.strip()[-200:]


LINK = r'''
os.chdir(os.path.expanduser("~"))
def deed():
    if os.path.lexists("mnt"): os.rename("mnt", "mnt.away")
    os.symlink(sys.argv[1], "mnt")
say({"put": tried(deed), "mnt": os.readlink("mnt") if os.path.islink("mnt") else os.listdir("mnt")})
'''


def mnt_link():
    if not wanted("removal.mnt-link"):
        return
    with checks("removal.mnt-link"):
        victim = folder("victim")
        for name in ("a", "b", "c"):
            os.mkdir(f"{victim}/{name}")
        give(victim)
        name = f"escape-{TAG}-link"
        put = session(LINK, victim, name=name).found()
        session("say({})", name=name)
        left = sorted(os.listdir(victim))
        gone, code, err = removed(name)
        left_after = sorted(os.listdir(victim)) if os.path.isdir(victim) else "gone"
        attack("removal.mnt-link", left == ["a", "b", "c"] and left_after == left, {"link": put, "after the next run": left, "after the removal": left_after})
        os.makedirs(f"{victim}/d", exist_ok=True)
        os.symlink(victim, f"{GROUND}/led")
        os.rmdir(f"{GROUND}/led/d")
        control("removal.mnt-link", not os.path.exists(f"{victim}/d"), "root's rmdir behind such a link removes a folder")


BYSTANDER = r'''
os.chdir(os.path.expanduser("~"))
open("mnt/f/ready", "w").close()
until(lambda: os.path.exists("mnt/f/look"), 120)
say({"reads": tried(lambda: open("mnt/f/file").read()), "writes": tried(lambda: open("mnt/f/new", "w").close())})
'''


def mnt_other():
    if not wanted("removal.mnt-other"):
        return
    with checks("removal.mnt-other"):
        base = folder("other")
        write(f"{base}/file", "file")
        give(base)
        other, name = f"escape-{TAG}-stays", f"escape-{TAG}-reaches"
        stays = start(BYSTANDER, name=other, mounts=[f"{base}:f:rwd"], timeout=180)
        wait_for(lambda: os.path.exists(f"{base}/ready"), 20)
        mine = folder("reach-mine")
        put = session(LINK, f"/sessions/{other}/mnt", name=name, mounts=[f"{mine}:f:rwd"]).found()
        session("say({})", name=name)
        gone, code, _ = removed(name)
        write(f"{base}/look", "")
        seen = ended(stays).found()
        removed(other)
        attack("removal.mnt-other", seen == {"reads": "ok", "writes": "ok"}, {"link": put, "the other session": seen})
        control("removal.mnt-other", os.path.exists(f"{base}/new") and os.path.exists(f"{base}/ready"), "what the other session wrote is in the folder")


LINKS = r'''
os.chdir(os.path.expanduser("~"))
for i, target in enumerate(sys.argv[1:]):
    os.symlink(target, f"link{i}"); os.symlink(target + "/", f"slash{i}")
    os.mkdir(f"in{i}"); os.symlink(target, f"in{i}/link")
say({"links": len([n for n in os.listdir(".") if os.path.islink(n)])})
'''


def home_links():
    if not wanted("removal.home-links"):
        return
    with checks("removal.home-links"):
        victim = folder("linked/sub")
        write(f"{victim}/file", "file")
        give(f"{GROUND}/linked")
        path, word = canary()
        name = f"escape-{TAG}-links"
        put = session(LINKS, f"{GROUND}/linked", victim, path, "/root", "/etc", "/sessions/folders", "/", name=name).found()
        gone, code, err = removed(name)
        whole = read(path, "").strip() == word and read(f"{victim}/file") == "file"
        attack("removal.home-links", whole and gone, {"gone": gone, "exit code": code, "said": err, "canaries": whole})
        control("removal.home-links", put["links"] == 14, f"{put['links']} links in the home")


DEEP = r'''
os.chdir(os.path.expanduser("~"))
for i in range(60):
    os.mkdir("d" * 200); os.chdir("d" * 200)
open("file", "w").close()
say({"depth": 60})
'''
ODD = r'''
os.chdir(os.path.expanduser("~"))
made = {}
def make(what, work): made[what] = tried(work)
def closed():
    os.mkdir("closed"); open("closed/file", "w").close(); os.mkdir("closed/in"); os.chmod("closed/in", 0); os.chmod("closed", 0)
def names():
    for name in [b"\xff\xfe", b"-rf", b"a\nb", b" ", b"\x01\x02", b"...", b"\xed\xa0\x80", b"'\"$(id)`", b"*", b"e\xcc\x81", b"\xc3\xa9"]:
        os.mkdir(name); open(name + b"/" + name, "w").close()
def levels():
    here = os.getcwd()
    os.mkdir("levels"); os.chdir("levels")
    for i in range(1000): os.mkdir("l"); os.chdir("l")
    os.chdir(here)
def sparse():
    with open("sparse", "w") as f: f.truncate(1 << 40)
make("closed", closed); make("names", names); make("levels", levels); make("fifo", lambda: os.mkfifo("fifo")); make("sparse", sparse)
make("loop", lambda: os.symlink("loop", "loop")); make("read-only", lambda: os.chmod(".", 0o500))
say(made)
'''
MANY = r'''
os.chdir(os.path.expanduser("~"))
count = int(sys.argv[1])
for part in range(0, count, 20000):
    os.mkdir(f"p{part}"); os.chdir(f"p{part}")
    open("first", "w").close()
    for i in range(min(20000, count - part)):
        os.link("first", f"f{i}") if i % 4 else os.close(os.open(f"f{i}", os.O_CREAT | os.O_WRONLY))
    os.chdir("..")
say({"files": count})
'''


def trees():
    def one(check, script, *args):
        def work():
            if not wanted(check):
                return
            with checks(check):
                name = f"escape-{TAG}-{check.split('.')[1]}"
                made = session(script, *args, name=name, timeout=240).found()
                before = os.path.isdir(f"/sessions/{name}")
                began = time.time()
                gone, code, err = removed(name)
                wrong = [what for what, end in made.items() if isinstance(end, str) and end != "ok"]
                # Of which the command itself is some 100.
                attack(check, gone and code == 0 and PEAKS[name] < 300, {"gone": gone, "exit code": code, "seconds": round(time.time() - began, 1), "MB at most": PEAKS[name], "said": err})
                control(check, before and bool(made) and not wrong, f"the home was there, with {words(made)}")
        return work
    together(one("removal.deep", DEEP), one("removal.odd", ODD), one("removal.many", MANY, GIVEN["files"]))


def stubborn():
    if not wanted("removal.immutable"):
        return
    with checks("removal.immutable"):
        name = f"escape-{TAG}-immutable"
        session("for d in ('d', 'e', 'g'):\n    os.mkdir(os.path.expanduser(f'~/{d}')); open(os.path.expanduser(f'~/{d}/f'), 'w').close()\nsay({})", name=name)
        home = f"/sessions/{name}"
        # A file and a folder that may not change, and a folder to which one may only add.
        set_, _, why = here(["sh", "-c", 'chattr +i "$1/d/f" "$1/e" && chattr +a "$1/g"', "sh", home])
        refused = [here(["rm", "-f", f"{home}/{one}/f"])[0] for one in ("d", "e", "g")]
        gone, code, err = removed(name)
        attack("removal.immutable", gone and code == 0, {"gone": gone, "exit code": code, "said": err})
        control("removal.immutable", set_ == 0 and 0 not in refused, f"root's own rm is refused by the flags (exit {refused}) {why.strip()}")
        if not gone:
            here(["chattr", "-R", "-i", "-a", home])
            removed(name)
    with checks("removal.mounted"):
        name = f"escape-{TAG}-mounted"
        behind = folder("behind")
        write(f"{behind}/file", "file")
        session("os.mkdir(os.path.expanduser('~/point')); say({})", name=name)
        mounted = here(["mount", "--bind", behind, f"/sessions/{name}/point"])[0]
        seen = read(f"/sessions/{name}/point/file")
        gone, code, err = removed(name)
        listed = unremoved()
        # What stays is an error, and is listed until it is gone.
        told = (code == 0) if gone else code != 0 and name in err and name in listed
        attack("removal.mounted", read(f"{behind}/file") == "file" and told, {"gone": gone, "exit code": code, "said": err, "listed": listed[:200], "behind": os.listdir(behind)})
        here(["umount", "-l", f"/sessions/{name}/point"])
        again = removed(name)[:2] if not gone else (True, 0)
        control("removal.mounted", mounted == 0 and seen == "file" and again == (True, 0) and name not in unremoved(), f"the file was there, by the home's path; without the mount the home goes: {again}, and is listed no more")


together(mnt_link, mnt_other, home_links, trees)
stubborn()
with checks("removal.truth"):
    lied = {name: told for name, told in TRUTHS.items() if told["gone"] != (told["exit code"] == 0)}
    attack("removal.truth", not lied, {"said what was not so": lied, "of": len(TRUTHS)})
    nobody = remove_session(f"escape-{TAG}-nobody")
    control("removal.truth", nobody[0] != 0, f"the removal of a session that is not there ends with {nobody[0]}")
# What could not be removed is not to disturb what comes after this wall.
for name in STAYED:
    here(["chattr", "-R", "-i", f"/sessions/{name}"])
    here(["rm", "-rf", "--one-file-system", f"/sessions/{name}"])
    here(["userdel", name])
