NAMES = ("arguments", "units", "files", "environment", "descriptors")
TOLD = r'''
import urllib.parse
# The file with all of it is for nobody but the folder's owner, or it would be what is looked for.
os.umask(0o077)
fds = {int(n): os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")}
extra = {n: t for n, t in fds.items() if n > 2}
open(os.path.expanduser("~/mnt/f/told"), "w").write(json.dumps({"secret": os.environ["SECRET"], "proxy": urllib.parse.urlparse(os.environ["HTTP_PROXY"]).password, "model": os.environ["ANTHROPIC_AUTH_TOKEN"], "fds": extra}))
os.rename(os.path.expanduser("~/mnt/f/told"), os.path.expanduser("~/mnt/f/here"))
until(lambda: os.path.exists(os.path.expanduser("~/mnt/f/stop")), 200)
say({})
'''
FILES = r'''
words, places = json.loads(sys.argv[1]), sys.argv[2:]
found, read = [], 0
for place in places:
    for top, folders, files in os.walk(place):
        for name in files:
            path = f"{top}/{name}"
            try:
                if not stat.S_ISREG(os.lstat(path).st_mode) or os.path.getsize(path) > 5_000_000: continue
                text = open(path, "rb").read().decode("latin-1"); read += 1
            except OSError: continue
            found += [path for word in words if word in text]
say({"found": sorted(set(found)), "read": read})
'''
ENVIRON = r'''
words = json.loads(sys.argv[1])
found, read, refused = [], 0, 0
for pid in os.listdir("/proc"):
    # Its own arguments have the words that it looks for.
    if not pid.isdigit() or int(pid) == os.getpid(): continue
    for what in ("environ", "cmdline", "mem"):
        try:
            text = open(f"/proc/{pid}/{what}", "rb").read(1_000_000).decode("latin-1"); read += 1
        except OSError: refused += 1; continue
        if any(word in text for word in words): found.append(f"{pid} {what}")
say({"found": found, "read": read, "refused": refused})
'''

with checks(*(f"secrets.{name}" for name in NAMES)):
    base = folder("secrets")
    secret = f"secret-{secrets.token_hex(12)}"
    # The operator's own line has the value, since the operator wrote it there: by --env alone it cannot be otherwise.
    began = f"@{time.time() - 5}"
    running = start(TOLD, env=[f"SECRET={secret}"], agent=True, mounts=[f"{base}:f:rwd"], timeout=200)
    wait_for(lambda: os.path.exists(f"{base}/here"), 30)
    told = json.loads(read(f"{base}/here"))
    words_ = [secret, told["proxy"], told["model"]]
    names = {secret: "--env", told["proxy"]: "the proxies' token", told["model"]: "the model's token"}

    def lines(all_):
        """Which processes have which secret in their command line, beside the operator's own call."""
        found = {}
        for one in all_:
            text = one["line"].decode("latin-1")
            if b"cloister\0run\0" in one["line"] or b"cloister.cjs\0run\0" in one["line"]:
                continue
            for word in words_:
                if word in text:
                    found.setdefault(names[word], set()).add(one["name"])
        return {key: sorted(value) for key, value in found.items()}
    seen = lines(processes())
    attack("secrets.arguments", not seen, {"seen": seen})
    plain = subprocess.Popen(["/usr/bin/python3", "-c", "import time; time.sleep(60)", told["model"]])
    control("secrets.arguments", "the model's token" in lines(processes()) and told["secret"] == secret, "the session has all three; a process with one among its arguments is found")
    plain.kill()
    plain.wait()

    units = here(["systemctl", "list-units", "--all", "--plain", "--no-legend"])[1].split("\n")
    cloister = [line.split()[0] for line in units if line.split() and "cloister" in line.split()[0]]
    shown = here(["systemctl", "show", *cloister])[1]
    journal = here(["journalctl", "--since", began, "--no-pager", "-o", "export", "--namespace=*"], 120)[1]
    in_units = [names[word] for word in words_ if word in shown]
    # sudo and ssh write the operator's own command line, with its --env, into the journal: that is the operator's.
    in_journal = [names[word] for word in words_[1:] if word in journal]
    attack("secrets.units", not in_units and not in_journal, {"units": in_units, "journal": in_journal, "of": cloister})
    unit = f"escape-{TAG}"
    here(["systemd-run", "--quiet", f"--unit={unit}", f"--setenv=X={secret}", "sleep", "30"])
    control("secrets.units", secret in here(["systemctl", "show", unit])[1], "the value of a unit's own variable is found there")
    here(["systemctl", "stop", unit])

    user = 59992
    found = as_uid(user, FILES, json.dumps(words_), "/run", "/sessions", "/tmp", "/var/log", "/var/lib", seconds=120)
    attack("secrets.files", not found["found"], found)
    write(f"/run/escape-{TAG}", secret)
    again = as_uid(user, FILES, json.dumps(words_), "/run")
    os.unlink(f"/run/escape-{TAG}")
    control("secrets.files", again["found"] == [f"/run/escape-{TAG}"], "a file that all can read, with the value in it, is found")

    found = as_uid(user, ENVIRON, json.dumps(words_[1:]), seconds=120)
    own = as_uid(user, "import os\nc = subprocess.Popen(['sleep', '20'], env={'X': 'own-word'})\ntime.sleep(0.3)\ntext = open(f'/proc/{c.pid}/environ').read()\nc.kill()\nsay({'own': 'own-word' in text})")
    attack("secrets.environment", not found["found"], found)
    control("secrets.environment", own["own"], "its own child's environment is readable")

    attack("secrets.descriptors", not told["fds"], {"open beside 0, 1, 2": told["fds"]})
    inherited = as_uid(0, "r, w = os.pipe(); os.set_inheritable(w, True)\nout = subprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True, close_fds=False).stdout.split()\nsay({'fds': out})")
    control("secrets.descriptors", len(inherited["fds"]) > 4, f"without care a child inherits them: {inherited['fds']}")
    write(f"{base}/stop", "")
    ended(running)
