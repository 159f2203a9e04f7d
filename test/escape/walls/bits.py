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
make("ordinary", lambda: os.chmod("there", 0o755))
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


MODES = ("rw", "rwd", "trash", "ro")
# One session with a folder of each mode, and its home: the same calls in each.
ALL = r'''
start = os.getcwd()
text, results = sys.argv[2], {}
def say(value): results[place] = value
open(os.path.expanduser("~/there"), "w").close()
for place in sys.argv[1].split():
    sys.argv[1] = place
    exec(text, globals())
os.chdir(os.path.expanduser("~"))
more = {"id": [subprocess.run([os.path.expanduser("~/mnt/i/id"), "-u"], capture_output=True, text=True).stdout.strip(), os.getuid()]}
os.chdir(os.path.expanduser("~/mnt/a"))
open("file", "w").close(); open("given", "w").close(); os.mkdir("dir")
# vfs_cap_data of revision 2 with CAP_SYS_ADMIN, effective.
data = struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0)
ends = {name: tried(lambda: os.setxattr("file", name, data)) for name in ("security.capability", "trusted.x", "security.selinux", "user.plain")}
own = os.getuid()
ends["chown"] = tried(lambda: os.chown("given", 0, 0)); ends["chown nobody"] = tried(lambda: os.chown("given", 65534, 65534))
ends["lchown"] = tried(lambda: os.lchown("given", 1, 1)); ends["chgrp"] = tried(lambda: os.chown("given", -1, 0))
more["attributes"] = {"ends": ends, "owner": os.stat("given").st_uid == own}
print(json.dumps({"results": results, **more}), flush=True)
'''


def all_of_them():
    bases = {mode: folder(f"bits-{mode}") for mode in MODES}
    for base in bases.values():
        write(f"{base}/there", "there")
        # A folder of root's: what the session makes in it would be root's.
        os.chown(base, 0, 0)
        os.chown(f"{base}/there", 0, 0)
    programs, attributes = folder("bits-inside"), folder("bits-attributes")
    shutil.copy("/usr/bin/id", f"{programs}/id")
    os.chown(programs, 0, 0)
    os.chmod(f"{programs}/id", 0o4755)
    name = f"escape-{TAG}-bits"

    def run(modes):
        places = " ".join([f"~/mnt/{mode}" for mode in modes] + ["~"])
        mounts = [f"{bases[mode]}:{mode}:{mode}" for mode in modes] + [f"{programs}:i:rwd", f"{attributes}:a:rwd"]
        return modes, session(ALL, places, MAKE, name=name, mounts=mounts, timeout=120)
    modes, ran = run(MODES)
    if ran.code == 2:
        modes, ran = run([mode for mode in MODES if mode != "trash"])
    found = ran.found()
    for mode in MODES:
        check = f"bits.{mode}"
        if mode not in modes:
            attack(check, False, "there is no mode trash")
            control(check, True, "the folder is there")
            continue
        ends = found["results"][f"~/mnt/{mode}"]["ends"]
        wrong, names = outside(bases[mode])
        attack(check, not wrong, {"outside": wrong, "calls that succeeded": sorted(what for what, end in ends.items() if end == "ok")})
        # In `ro` nothing is made at all; elsewhere an ordinary mode must go through.
        ordinary = ends["ordinary"] == "EROFS" if mode == "ro" else ends["ordinary"] == "ok" and "there" in names
        control(check, works_for_root(bases[mode]) and ordinary, f"root sets both bits there; chmod 755 inside: {ends['ordinary']}")
    home = f"/sessions/{name}"
    wrong, names = outside(home)
    ends = found["results"]["~"]["ends"]
    attack("bits.home", not wrong, {"outside": wrong})
    control("bits.home", works_for_root(f"{home}/x") and ends["ordinary"] == "ok" and "there" in names, f"root sets both bits there; chmod 755 inside: {ends['ordinary']}")
    remove_session(name)
    # Outside the folder it is the file system that decides: a copy on one that has such programs.
    program = f"/usr/local/bin/escape-{TAG}-id"
    shutil.copy(f"{programs}/id", program)
    os.chmod(program, 0o4755)
    became = here(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "-u"])[1].strip()
    os.unlink(program)
    # Nothing said would be a program that did not start.
    attack("bits.inside", found["id"][0] == str(found["id"][1]), f"inside it runs as {found['id'][0]!r}, the session being {found['id'][1]}")
    control("bits.inside", became == "0", f"on the machine it makes nobody user {became}")
    told = found["attributes"]
    names = os.listxattr(f"{attributes}/file")
    # A kernel that has SELinux and no policy lets a file's owner write its label, anywhere: in a container the kernel is the host's.
    harmless = ("user.", "security.selinux") if CONTAINER else ("user.",)
    attack("bits.capability", not [one for one in names if not one.startswith(harmless)], {"outside": names, "ends": told["ends"]})
    path = write(f"{attributes}/control", "")
    os.setxattr(path, "security.capability", bytes.fromhex("0100000200002000000000000000000000000000"))
    control("bits.capability", "security.capability" in os.listxattr(path), "root writes such an attribute on the same file system")
    top = os.stat(attributes)
    owners = {one: (os.lstat(f"{attributes}/{one}").st_uid, os.lstat(f"{attributes}/{one}").st_gid) for one in ("file", "given", "dir")}
    attack("bits.owner", all(one == (top.st_uid, top.st_gid) for one in owners.values()), {"folder": [top.st_uid, top.st_gid], "outside": owners, "ends": told["ends"]})
    os.chown(path, 0, 0)
    control("bits.owner", told["owner"] and os.stat(path).st_uid == 0, "inside they are the session's own; root gives a file there to root")


with checks(*(f"bits.{name}" for name in (*MODES, "home", "inside", "capability", "owner"))):
    all_of_them()
