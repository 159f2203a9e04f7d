# What the programs of all walls share. Each runs as root on the machine, from its standard input: this text, then its own.
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

GIVEN = json.loads(sys.argv[1])
SLOW = GIVEN["slowness"]
TAG = GIVEN.get("tag") or secrets.token_hex(4)
# True in a container: without systemd, with one user, and homes that end with their commands.
CONTAINER = GIVEN.get("container", False)
# Checks that this run leaves out, because they take long.
SLOW_CHECKS = GIVEN.get("slowChecks", [])
# Folders that sessions are given lie here.
GROUND = f"/sessions/folders/escape-{TAG}"
OUTCOMES = {}
_lock = threading.Lock()


def _outcome(check, key, value):
    with _lock:
        OUTCOMES.setdefault(check, {})[key] = value


def words(value):
    """Text for the report: of one line, and short. It may hold what a session wrote."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)
    return text.encode("utf-8", "replace").decode()[:600]


def attack(check, held, saw):
    _outcome(check, "attack", {"held": bool(held), "saw": words(saw)})


def control(check, works, saw):
    _outcome(check, "control", {"works": bool(works), "saw": words(saw)})


def absent(check, why):
    _outcome(check, "absent", words(why))


def wanted(*names):
    """True unless this run leaves out all of these checks."""
    return any(name not in SLOW_CHECKS for name in names)


@contextlib.contextmanager
def checks(*names):
    """What fails in here is the error of these checks, and of no other. What none of them took alone is the first one's time."""
    began = time.time()
    try:
        yield
    except Exception as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1].lineno
        for name in names:
            _outcome(name, "error", words(f"{type(problem).__name__} at line {where}: {problem}"))
    with _lock:
        told = [OUTCOMES.setdefault(name, {}) for name in names]
        rest = time.time() - began - sum(one.get("seconds", 0) for one in told)
        for one in told:
            one.setdefault("seconds", 0)
        told[0]["seconds"] = round(told[0]["seconds"] + max(0, rest), 1)


def together(*works):
    """Runs them at once, each under its own `checks`."""
    with ThreadPoolExecutor(len(works)) as pool:
        for work in [pool.submit(work) for work in works]:
            work.result()


class Ran:
    """A sealed run that is over."""

    def __init__(self, code, stdout, stderr, seconds):
        self.code, self.stderr, self.seconds = code, stderr, seconds
        lines = [line for line in stdout.split("\n") if line.startswith("{")]
        try:
            self.run = json.loads(lines[-1]) if lines else None
        except ValueError:
            self.run = None
        # What a command itself prints may be JSON too: only `cloister run --json` tells of a session.
        if not isinstance(self.run, dict) or "session" not in self.run:
            self.run = None
        self.out = self.run["stdout"] if self.run else stdout
        self.err = self.run["stderr"] if self.run else stderr

    def found(self):
        """The JSON that the script inside printed last."""
        for line in reversed(self.out.split("\n")):
            if line.startswith(("{", "[")):
                return json.loads(line)
        raise RuntimeError(f"the session said nothing (exit {self.code}): {(self.stderr or self.err).strip()[-300:]}")


def arguments(mounts=(), name=None, keep=False, env=(), allow=(), agent=False, timeout=60, plain=False):
    line = ["cloister", "run"] + ([] if plain else ["--json"]) + ["--timeout", str(timeout * max(1, SLOW // 2))]
    for mount in mounts:
        line += ["--mount", mount]
    for pair in env:
        line += ["--env", pair]
    for host in allow:
        line += ["--allow", host]
    return line + (["--name", name] if name else []) + (["--keep"] if keep else []) + (["--agent"] if agent else []) + ["--"]


# What scripts inside begin with: how a call ended, in one word.
INSIDE = r'''
import ctypes, errno, json, os, re, signal, socket, stat, struct, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def tried(work):
    try:
        work()
        return "ok"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    except Exception as e:
        return type(e).__name__
def called(number, *args):
    ctypes.set_errno(0)
    # Whole: ctypes makes an int of a number, whose upper half is lost, or anything.
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in args]
    return "ok" if libc.syscall(ctypes.c_long(number), *words) >= 0 else errno.errorcode.get(ctypes.get_errno(), "?")
def put(path, text):
    # At once: what Python writes when it closes a file fails unheard.
    fd = os.open(path, os.O_WRONLY)
    try: os.write(fd, text.encode())
    finally: os.close(fd)
def say(value): print(json.dumps(value, default=str), flush=True)
def until(seen, seconds=30.0):
    # Two sessions meet here: beside other work an emulated machine takes a minute to start one.
    end = time.time() + seconds * PATIENCE
    while time.time() < end:
        if seen(): return True
        time.sleep(0.02)
    return False
'''


INSIDE = f"PATIENCE = {max(1, SLOW // 3)}\n" + INSIDE


def own_mounts(mounts):
    """A machine shows a folder's files as the session's own; a container shows them as they are, and its sessions have one user."""
    for mount in mounts:
        source = mount.split(":")[0]
        # Not behind a link, nor anywhere else: what a run is to refuse stays as it is.
        if not os.path.realpath(source).startswith(os.path.realpath(GROUND)):
            continue
        for top, folders, files in os.walk(source):
            for path in [top] + [f"{top}/{one}" for one in folders + files]:
                if os.lstat(path).st_uid == 0 and not os.lstat(path).st_mode & 0o6000:
                    os.lchown(path, 1000, 1000)


def start(script, *args, shell=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, caller=None, **options):
    """Starts a session that runs Python (or bash) text, and does not wait for it. `caller`: variables of who starts it."""
    if CONTAINER:
        own_mounts(options.get("mounts", ()))
    command = ["bash", "-c", script, "bash"] if shell else ["/usr/bin/python3", "-c", INSIDE + script]
    line = arguments(**options) + command + [str(one) for one in args]
    environment = {**os.environ, **(caller or {})}
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True, env=environment)


def ended(process, seconds=120):
    """Waits for a session. One that does not end in time is killed, and told as code None."""
    began = time.time()
    try:
        out, err = process.communicate(timeout=seconds * max(1, SLOW // 2))
        return Ran(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.time() - began)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Ran(None, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.time() - began)


def session(script, *args, seconds=120, **options):
    return ended(start(script, *args, **options), seconds)


# Several scripts in one session, one after the other: to start a session costs seconds on an emulated machine.
STEPS = r'''
results = {}
# The scripts share their variables: each tells under its own name, whatever they do with these here.
for step_, (text_, words_) in json.loads(sys.argv[1]).items():
    def say(value, step_=step_): results[step_] = value
    sys.argv = ["step"] + words_
    try: exec(text_, globals())
    except BaseException as e: say({"failed": f"{type(e).__name__}: {e}"}, step_)
print(json.dumps(results, default=str), flush=True)
'''


def start_steps(scripts, **options):
    """Starts a session that runs scripts, by name, each with its words."""
    return start(STEPS, json.dumps({name: [text, [str(word) for word in words_]] for name, (text, *words_) in scripts.items()}), **options)


def steps(scripts, **options):
    """Runs scripts in one session, and waits for it; a function that tells what one of them said."""
    ran = ended(start_steps(scripts, **options))
    results = ran.found()

    def found(name):
        if "failed" in results[name]:
            raise RuntimeError(f"in the session: {results[name]['failed']}")
        return results[name]
    found.ran = ran
    return found


def here(line, seconds=60, **more):
    """Runs a command of the machine's, as root."""
    try:
        text = subprocess.run(line, capture_output=True, timeout=seconds * max(1, SLOW // 2), stdin=subprocess.DEVNULL, **more)
    except FileNotFoundError:
        return 127, "", f"there is no {line[0]}"
    return text.returncode, text.stdout.decode("utf-8", "replace"), text.stderr.decode("utf-8", "replace")


def without_filters(line, seconds=60, **_):
    """`here`, where a container's engine filters and limits nothing (far/outside.py). A machine has no engine."""
    if not CONTAINER:
        return here(line, seconds, cwd="/")
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect("/root/outside.sock")
        asking.sendall(json.dumps({"line": line, "seconds": seconds}).encode() + b"\n")
        return tuple(json.loads(asking.makefile().read()))


def as_uid(uid, script, *args, seconds=60, run=here):
    """Runs Python text as a user id, outside of any seal: the positive control of much that is refused inside."""
    line = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"] if uid else []
    line += ["/usr/bin/python3", "-c", INSIDE + script] + [str(one) for one in args]
    code, out, err = run(line, seconds, cwd="/")
    for text in reversed(out.split("\n")):
        if text.startswith(("{", "[")):
            return json.loads(text)
    raise RuntimeError(f"as user {uid} (exit {code}): {err[-300:]}")


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def read(path, default=None):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return default


OPERATOR = None


def folder(name, owner="operator"):
    """A folder for sessions, the operator's, on the session disk."""
    path = f"{GROUND}/{name}"
    os.makedirs(path, exist_ok=True)
    give(path, owner)
    return path


def give(path, owner="operator"):
    """Gives a tree to the operator, as what an operator brings along."""
    import pwd
    try:
        who = pwd.getpwnam(owner)
    except KeyError:
        who = pwd.getpwuid(1000)
    os.lchown(path, who.pw_uid, who.pw_gid)
    for root, folders, files in os.walk(path):
        for name in folders + files:
            os.lchown(f"{root}/{name}", who.pw_uid, who.pw_gid)


CANARIES = []


def canary(path=None):
    """A file of root's with a word that nobody else knows."""
    word = f"canary-{secrets.token_hex(12)}"
    path = write(path or f"/root/escape-{TAG}-{secrets.token_hex(3)}", word + "\n", 0o600)
    CANARIES.append(path)
    return path, word


def wait_for(seen, seconds):
    """Polls until something is so; the time that it took, or None."""
    began = time.time()
    while time.time() - began < seconds * SLOW:
        if seen():
            return round(time.time() - began, 2)
        time.sleep(0.05)
    return None


def uid_of(name):
    for line in (read("/etc/passwd") or "").split("\n"):
        if line.startswith(name + ":"):
            return int(line.split(":")[2])
    return None


def processes():
    """Every process: number, real user id, name, words of its command line."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/status") as file:
                status = file.read()
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read()
        except OSError:
            continue
        uid = int(re.search(r"^Uid:\s+(\d+)", status, re.M).group(1))
        found.append({"pid": int(entry), "uid": uid, "name": status.split("\n")[0][6:], "line": line})
    return found


def memory_of(pid):
    """Megabytes that a process and its children have in memory, at most so far."""
    total = 0
    for number in [pid] + children(pid):
        peak = re.search(r"^VmHWM:\s+(\d+)", read(f"/proc/{number}/status", "") or "", re.M)
        total = max(total, int(peak.group(1)) // 1024 if peak else 0)
    return total


def supervisors_of(name):
    """The processes that the machine itself has down as a session's supervisor: who called may not be one."""
    found = []
    for top, _, files in os.walk("/run/cloister"):
        for file in files:
            if name in f"{top}/{file}":
                found += [int(pid) for pid in re.findall(r'"pid":\s*(\d+)', read(f"{top}/{file}", "") or "")]
    return [pid for pid in found if pid > 1 and os.path.exists(f"/proc/{pid}")]


def children(pid):
    found = []
    for number in (read(f"/proc/{pid}/task/{pid}/children") or "").split():
        found += [int(number)] + children(int(number))
    return found


def counts():
    """What sessions must not leave more of."""
    mounts = [line.split()[4] for line in (read("/proc/self/mountinfo") or "").split("\n") if line]
    # Every other mount namespace, once: a session's mounts are in its own.
    spaces = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                spaces.add(os.readlink(f"/proc/{entry}/ns/mnt"))
    units = here(["systemctl", "list-units", "--all", "--plain", "--no-legend", "cloister-*"])[1].split("\n")
    found = [os.path.join(root, name) for root, ds, fs in os.walk("/run/cloister") for name in ds + fs]
    run = [path for path in found if not path.startswith("/run/cloister/code")]
    # The journal of audit rows has a service that ends when nobody writes, and comes back with the next row.
    groups = [root for root, _, _ in os.walk("/sys/fs/cgroup") if "cloister" in root and f"@{AUDIT}" not in root]
    return {
        "mounts": len(mounts),
        "mount namespaces": len(spaces),
        "units": len([one for one in units if one.strip()]),
        "users": len((read("/etc/passwd") or "").split("\n")),
        "groups": len((read("/etc/group") or "").split("\n")),
        "homes": len(os.listdir("/sessions")),
        "files in /run/cloister": len(run),
        "control groups": len(groups),
        "packet filter lines": len(here(["nft", "list", "ruleset"])[1].split("\n")) if shutil.which("nft") else 0,
        "session processes": len([one for one in processes() if 20000 <= one["uid"] <= 59999]),
    }


def settled_counts():
    """The counts once they stand still for two seconds: systemd ends units and control groups a little after their sessions."""
    last, since = counts(), time.time()
    end = since + 15 * SLOW
    while time.time() - since < 2 and time.time() < end:
        time.sleep(0.5)
        now = counts()
        if now != last:
            last, since = now, time.time()
    return last


def difference(before, after):
    return {key: [before[key], after[key]] for key in before if before[key] != after[key]}


# The journal that the audit rows have for themselves; a machine without it has them in its one journal.
AUDIT = "cloister-audit"


def audit_rows(session=None, trusted=True):
    """
    Rows of the audit log as a reader of it sees them (`trusted`): in their journal, and by the fields that journald sets
    itself, which whoever writes a row cannot choose. Without it, whatever looks like one, in any journal.
    """
    if CONTAINER:
        lines = here(["cloister", "audit"] + (["--session", session] if session else []))[1].split("\n")
        return [json.loads(line) for line in lines if line.startswith("{")]
    own = os.path.exists(f"/run/systemd/journal.{AUDIT}")
    spaces = [AUDIT] if own else []
    for space in spaces:
        here(["journalctl", f"--namespace={space}", "--sync"])
    here(["journalctl", "--sync"])
    line = ["journalctl", f"--namespace={AUDIT if own and trusted else '*'}", "--quiet", "-o", "json", "--no-pager", "--output-fields=MESSAGE,_UID,_EXE,_SYSTEMD_UNIT,_TRANSPORT"]
    fields = ["_UID=0", "_TRANSPORT=stdout", "SYSLOG_IDENTIFIER=cloister-egress"] if trusted else ["SYSLOG_IDENTIFIER=cloister-egress"]
    code, out, err = here(line + fields, 120)
    rows = []
    for text in out.split("\n"):
        try:
            entry = json.loads(text)
            row = json.loads(entry["MESSAGE"])
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(row, dict) and (session is None or row.get("session") == session):
            rows.append({**row, "journal": {key: value for key, value in entry.items() if key.startswith("_")}})
    return rows


def stood_for(row):
    """How many decisions a row is about: some rows count what was not written one by one."""
    return row.get("counted") or 1


def remove_session(name):
    return here(["cloister", "remove", name], 120)


def finish():
    """Takes away what this program made, and says what became of each check."""
    for path in CANARIES:
        with contextlib.suppress(OSError):
            os.unlink(path)
    if os.path.isdir(GROUND):
        here(["chattr", "-R", "-i", GROUND])
        # Not Python's own: paths in it may be longer than a path may be.
        here(["rm", "-rf", "--one-file-system", GROUND])
    print("\ncloister-escape-outcomes:" + json.dumps(OUTCOMES), flush=True)


os.makedirs(GROUND, exist_ok=True)
os.chmod(GROUND, 0o755)
