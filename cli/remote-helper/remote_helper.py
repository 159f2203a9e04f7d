# The remote helper of the operator's command: runs one command on the machine, for whoever speaks to its standard input and
# output. It is sent along with each call (near-end.ts), needs nothing but Python's standard library, and leaves nothing.
#
# The way here may be a terminal (SSM has nothing else that takes input and answers at once), so everything is ASCII lines,
# and what the command reads and writes is base64. Lines to us:
#   s USER TTY WORD...   start: TTY is - or ROWSxCOLSxTERM, each WORD is base64
#   v NAME VALUE         before it: a variable for the command, both in base64
#   i DATA | z           standard input; its end
#   c COUNT              the other side has taken so many bytes of output
#   k SIGNAL             a signal, by number, for the command and all it started in its group
#   w ROWS COLS          the terminal has another size
#   p                    nothing: keeps the connection from being idle
# Lines from us, each after the word that we were started with, which tells them from all else on a terminal:
#   r                    ready
#   o DATA | e DATA      standard output, standard error
#   c COUNT              the command has taken so many bytes of input
#   x CODE OUT ERR       it ended: its exit code (128 + n for signal n), and how many bytes of output there were
import binascii
import errno
import fcntl
import os
import pwd
import select
import signal
import struct
import sys
import termios
import tty

WINDOW = 1 << 18  # bytes of output that may be under way; near-end.ts has the same number
CHUNK = 3 << 10
# After the command itself has ended: how long a process that it left behind may keep its output open without a word.
LINGER_S = 2
HANGUP_S = 15

pid = code = stdin = None
variables = {}
outputs = {}  # descriptor -> letter
counts = {"o": 0, "e": 0}
pending = bytearray()
ended = False  # no more input will come
window = WINDOW
master = None


def say(*words):
    line = " ".join((sys.argv[1],) + words).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


def start(user, terminal, *words):
    global pid, stdin, master
    argv = [binascii.a2b_base64(word) for word in words]
    try:
        account = None if user == "-" else pwd.getpwnam(user)
    except KeyError:
        sys.exit("there is no user %s on this machine" % user)
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": account.pw_dir if account else os.environ.get("HOME", "/"),
        "USER": account.pw_name if account else os.environ.get("USER", ""),
        "LOGNAME": account.pw_name if account else os.environ.get("USER", ""),
    }
    env.update(variables)
    if terminal == "-":
        (theirs0, stdin), (out, theirs1), (err, theirs2) = os.pipe(), os.pipe(), os.pipe()
        outputs.update({out: "o", err: "e"})
    else:
        rows, cols, term = terminal.split("x", 2)
        env["TERM"] = term
        master, theirs0 = os.openpty()
        theirs1 = theirs2 = theirs0
        resize(rows, cols)
        # Two descriptors, as with pipes: each side is closed by itself.
        stdin = os.dup(master)
        outputs[os.dup(master)] = "o"
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            if terminal != "-":
                fcntl.ioctl(theirs0, termios.TIOCSCTTY, 0)
            for theirs, number in ((theirs0, 0), (theirs1, 1), (theirs2, 2)):
                os.dup2(theirs, number)
            os.closerange(3, 256)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            if account and os.getuid() == 0:
                os.initgroups(account.pw_name, account.pw_gid)
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            os.umask(0o022)
            try:
                os.chdir(env["HOME"])
            except OSError:
                os.chdir("/")
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            name = argv[0].decode(errors="replace")
            os.write(2, ("cloister: %s: %s\n" % (name, error.strerror)).encode())
            os._exit(127 if error.errno == errno.ENOENT else 126)
        finally:
            os._exit(126)
    for theirs in {theirs0, theirs1, theirs2}:
        os.close(theirs)
    os.set_blocking(stdin, False)


def resize(rows, cols):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(cols), 0, 0))


def kill(number):
    try:
        if pid and code is None:
            os.killpg(pid, number)
    except OSError:
        pass


def reap(flags):
    global code
    if pid and code is None:
        done, status = os.waitpid(pid, flags)
        if done:
            code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def feed():
    """Hands the command what is there for it."""
    global stdin
    try:
        count = os.write(stdin, pending[:65536]) if pending else 0
    except BlockingIOError:
        count = 0
    except OSError:
        count, stdin = len(pending), shut(stdin)
    del pending[:count]
    if count:
        say("c", str(count))
    if stdin is not None and ended and not pending:
        if master is not None:
            os.write(stdin, b"\x04")
        stdin = shut(stdin)


def shut(descriptor):
    os.close(descriptor)


def obey(line):
    global window, ended
    word, *rest = line.decode().split(" ")
    if word == "s":
        start(*rest)
    elif word == "v":
        name, value = (os.fsdecode(binascii.a2b_base64(part)) for part in rest)
        variables[name] = value
    elif word == "i":
        data = binascii.a2b_base64(rest[0])
        if stdin is None:
            say("c", str(len(data)))
        else:
            pending.extend(data)
    elif word == "z":
        ended = True
        if stdin is not None:
            feed()
    elif word == "c":
        window += int(rest[0])
    elif word == "k":
        kill(int(rest[0]))
    elif word == "w" and master is not None:
        resize(*rest)


def serve(woken):
    global window
    heard = b""
    while True:
        reading = [0, woken] + (list(outputs) if window > 0 else [])
        writing = [stdin] if stdin is not None and pending else []
        ready, writable, _ = select.select(reading, writing, [], LINGER_S if code is not None else None)
        if code is not None and not (ready or writable) and window > 0:
            outputs.clear()
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                raise EOFError
            # SSM's plugin turns signals, and a lone end of line, into characters of its own.
            heard += data.translate(None, b"\x03\x1a\x1c").replace(b"\r", b"\n")
            *lines, heard = heard.split(b"\n")
            for line in filter(None, lines):
                obey(line)
        if woken in ready:
            os.read(woken, 4096)
        if writable and stdin is not None:
            feed()
        for descriptor in [d for d in ready if d in outputs]:
            if window <= 0:
                break
            try:
                data = os.read(descriptor, min(CHUNK, window))
            except BlockingIOError:
                continue
            except OSError:  # a terminal whose last process has gone
                data = b""
            letter = outputs[descriptor]
            if not data:
                del outputs[descriptor]
                os.close(descriptor)
                continue
            window -= len(data)
            counts[letter] += len(data)
            say(letter, binascii.b2a_base64(data, newline=False).decode())
        reap(os.WNOHANG)
        if code is not None and not outputs:
            say("x", str(code), str(counts["o"]), str(counts["e"]))
            return


def told_to_end(*_):
    raise EOFError


def main():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, told_to_end)
    if os.isatty(0):
        tty.setraw(0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    say("r")
    try:
        serve(woken)
    except (EOFError, OSError):
        # Nobody is there any more: what was started ends too.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kill(signal.SIGHUP)
        kill(signal.SIGCONT)
        signal.signal(signal.SIGALRM, lambda *_: kill(signal.SIGKILL))
        signal.alarm(HANGUP_S)
        reap(0)


main()
