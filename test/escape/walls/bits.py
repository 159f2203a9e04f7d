MAKE = r'''
os.chdir(os.path.expanduser(sys.argv[1]))
arm = os.uname().machine == "aarch64"
ends = {}
os.umask(0)
def file(name):
    tried(lambda: os.path.exists(name) or open(name, "w").close())
    return name
def make(what, work): ends[what] = tried(work)
def number(what, *args): ends[what] = called(*args)
AT = -100
make("chmod 4755", lambda: os.chmod(file("chmod-u"), 0o4755))
make("chmod 2755", lambda: os.chmod(file("chmod-g"), 0o2755))
make("chmod 6777 there", lambda: os.chmod("there", 0o6777))
make("fchmod", lambda: os.fchmod(os.open(file("fchmod"), os.O_RDWR), 0o6755))
number("fchmodat", 53 if arm else 268, AT, file("fchmodat").encode(), 0o4755)
number("fchmodat2", 452, AT, file("fchmodat2").encode(), 0o4755, 0)
make("open", lambda: os.close(os.open("open", os.O_CREAT | os.O_WRONLY, 0o4755)))
if not arm:
    number("open(2)", 2, b"open2", os.O_CREAT | os.O_WRONLY, 0o4755)
    number("creat", 85, b"creat", 0o6755)
    number("mkdir(2)", 83, b"mkdir2", 0o2755)
    number("chmod(2)", 90, file("chmod2").encode(), 0o4755)
    number("mknod(2)", 133, b"mknod2", 0o104755, 0)
how = struct.pack("QQQ", os.O_CREAT | os.O_WRONLY, 0o4755, 0)
number("openat2", 437, AT, b"openat2", how, len(how))
make("mkdir 2755", lambda: os.mkdir("mkdir", 0o2755))
make("folder chmod 2777", lambda: (os.mkdir("folder"), os.chmod("folder", 0o2777)))
make("mknod file", lambda: os.mknod("mknod-file", stat.S_IFREG | 0o4755))
make("mknod char", lambda: os.mknod("mknod-char", stat.S_IFCHR | 0o666, os.makedev(1, 5)))
make("mknod block", lambda: os.mknod("mknod-block", stat.S_IFBLK | 0o666, os.makedev(259, 0)))
make("mknod whiteout", lambda: os.mknod("mknod-white", stat.S_IFCHR, 0))
make("tmpfile", lambda: os.link(f"/proc/self/fd/{os.open('.', os.O_TMPFILE | os.O_RDWR, 0o4755)}", "tmpfile", follow_symlinks=True))
make("mkfifo 6777", lambda: os.mkfifo("fifo", 0o6777))
make("copied", lambda: subprocess.run(["cp", "-p", "/usr/bin/su", "copied"], check=True, stderr=subprocess.DEVNULL))
make("tar", lambda: subprocess.run(["sh", "-c", "tar -C /usr/bin -cf - su | tar -xpf - && mv su tar-su"], check=True, stderr=subprocess.DEVNULL))
make("ordinary", lambda: os.chmod(file("ordinary"), 0o755))
say({"ends": ends, "inside": {n: oct(os.lstat(n).st_mode) for n in os.listdir(".") if os.lstat(n).st_mode & 0o6000}})
'''


def outside(path):
    """What a folder holds that it must not: set-id bits and devices, by name."""
    wrong, names = {}, []
    for root, folders, files in os.walk(path):
        for name in folders + files:
            mode = os.lstat(f"{root}/{name}").st_mode
            names.append(name)
            if mode & 0o6000 and not stat.S_ISLNK(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                wrong[name] = oct(mode)
    return wrong, names


def works_for_root(base):
    """The control: whoever may, does it on the same file system."""
    path = write(f"{base}-control", "")
    os.chmod(path, 0o6755)
    mode = os.lstat(path).st_mode
    os.unlink(path)
    return bool(mode & 0o4000)


def mode(which):
    def work():
        check = f"bits.{which}"
        with checks(check):
            base = folder(f"bits-{which}")
            write(f"{base}/there", "there")
            # A folder of root's: what the session makes in it would be root's.
            give(base, "root")
            os.chown(base, 0, 0)
            ran = session(MAKE, "~/mnt/f", mounts=[f"{base}:f:{which}"])
            if ran.code == 2 and which == "trash":
                attack(check, False, "there is no mode trash: " + ran.stderr.strip()[:150])
                return control(check, True, "the folder is there")
            found = ran.found()
            wrong, names = outside(base)
            done = sorted(name for name, end in found["ends"].items() if end == "ok")
            attack(check, not wrong, {"outside": wrong, "calls that succeeded": done})
            # In `ro` nothing is made at all; elsewhere an ordinary mode must go through.
            ordinary = found["ends"]["ordinary"] == "EROFS" if which == "ro" else found["ends"]["ordinary"] == "ok" and "ordinary" in names
            control(check, works_for_root(base) and ordinary, f"root sets both bits there; chmod 755 inside: {found['ends']['ordinary']}")
    return work


def home():
    with checks("bits.home"):
        name = f"escape-{TAG}-bits"
        session("say({})", name=name)
        found = session("open(os.path.expanduser('~/there'), 'w').close()\n" + MAKE, "~", name=name).found()
        wrong, names = outside(f"/sessions/{name}")
        attack("bits.home", not wrong, {"outside": wrong})
        control("bits.home", works_for_root(f"/sessions/{name}/x") and "ordinary" in names, f"root sets both bits there; chmod 755 inside: {found['ends']['ordinary']}")
        remove_session(name)


def programs():
    with checks("bits.inside"):
        base = folder("bits-inside")
        shutil.copy("/usr/bin/id", f"{base}/id")
        give(base, "root")
        os.chown(base, 0, 0)
        os.chmod(f"{base}/id", 0o4755)
        found = session("say([subprocess.run([os.path.expanduser('~/mnt/f/id'), '-u'], capture_output=True, text=True).stdout.strip(), os.getuid()])", mounts=[f"{base}:f:rwd"]).found()
        # Outside the folder it is the file system that decides: a copy on one that has such programs.
        shutil.copy(f"{base}/id", f"/usr/local/bin/escape-{TAG}-id")
        os.chmod(f"/usr/local/bin/escape-{TAG}-id", 0o4755)
        try:
            became = here(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"/usr/local/bin/escape-{TAG}-id", "-u"])[1].strip()
        finally:
            os.unlink(f"/usr/local/bin/escape-{TAG}-id")
        attack("bits.inside", found[0] != "0", f"inside it runs as {found[0]}, the session being {found[1]}")
        control("bits.inside", became == "0", f"on the machine it makes nobody user {became}")
    with checks("bits.capability", "bits.owner"):
        base = folder("bits-attributes")
        found = session(r'''
os.chdir(os.path.expanduser("~/mnt/f"))
open("file", "w").close(); open("given", "w").close(); os.mkdir("dir")
# vfs_cap_data of revision 2 with CAP_SYS_ADMIN, effective.
data = struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0)
ends = {name: tried(lambda: os.setxattr("file", name, data)) for name in ("security.capability", "trusted.x", "security.selinux", "user.plain")}
own = os.getuid()
ends["chown"] = tried(lambda: os.chown("given", 0, 0)); ends["chown nobody"] = tried(lambda: os.chown("given", 65534, 65534))
ends["lchown"] = tried(lambda: os.lchown("given", 1, 1)); ends["chgrp"] = tried(lambda: os.chown("given", -1, 0))
say({"ends": ends, "owner": os.stat("given").st_uid == own})
''', mounts=[f"{base}:f:rwd"]).found()
        attributes = os.listxattr(f"{base}/file")
        system = [name for name in attributes if not name.startswith("user.")]
        attack("bits.capability", not system, {"outside": attributes, "ends": found["ends"]})
        path = write(f"{base}/control", "")
        os.setxattr(path, "security.capability", bytes.fromhex("0100000200002000000000000000000000000000"))
        control("bits.capability", "security.capability" in os.listxattr(path), "root writes such an attribute on the same file system")
        top = os.stat(base)
        owners = {name: (os.lstat(f"{base}/{name}").st_uid, os.lstat(f"{base}/{name}").st_gid) for name in ("file", "given", "dir")}
        attack("bits.owner", all(one == (top.st_uid, top.st_gid) for one in owners.values()), {"folder": [top.st_uid, top.st_gid], "outside": owners, "ends": found["ends"]})
        os.chown(path, 0, 0)
        control("bits.owner", found["owner"] and os.stat(path).st_uid == 0, "inside they are the session's own; root gives a file there to root")


together(mode("rw"), mode("rwd"), mode("trash"), mode("ro"))
together(home, programs)
