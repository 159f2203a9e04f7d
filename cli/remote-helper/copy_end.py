# One end of `cloister cp` on a machine: `send PATH` or `receive PATH NAME`, as whom the copy is made. `cloister sync` uses
# three more: `list PATH SKIP LIMIT` sends digests instead of content, `pick PATH` sends and `delete PATH` deletes only what
# standard input names. It is sent along with each copy (cli/copy.ts), needs nothing but Python's standard library, and
# leaves nothing. cli/copy/send.ts and receive.ts are the same on the operator's computer; cli/copy/records.ts says what goes
# between both.
#
# Sessions write where this reads and writes, so it never hands the kernel a path that has a folder of theirs in it: every
# folder is opened once, by one name in a folder that is open already, and not through a link.
import errno
import hashlib
import json
import os
import re
import signal
import stat
import struct
import sys
import zlib

HEAD = struct.Struct(">cI")
META = struct.Struct(">Hq")
CHUNK = 1 << 16
LONGEST = 1 << 17
DEEPEST = 400
# How many bytes larger a copy may be than what it is made of, because of holes and hard links. A file of terabytes, or a
# large file under thousands of names, costs a session nothing, and the other side fills a disk with it. Tests set a lower one.
EXTRA = int(os.environ.get("CLOISTER_COPY_EXTRA") or 16 << 30)
# How many files with several names are remembered: some 100 MB. Where there are more, each name of a file counts for its
# part of it. Tests set a lower one.
REMEMBERED = int(os.environ.get("CLOISTER_COPY_REMEMBERED") or 1000000)
LISTED = 20
# A folder that is only passed through need not be readable.
PATH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
# No folder in these can be shown to a session (PROTECTED in guest/sessions/mounts.ts): links there are the system's own.
SYSTEM = (b"bin", b"boot", b"etc", b"lib", b"lib32", b"lib64", b"libx32", b"sbin", b"usr", b"var")
KINDS = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISBLK, "a device"), (stat.S_ISCHR, "a device"))
SWAPPED = (errno.ELOOP, errno.ENOTDIR, errno.EINVAL, errno.EEXIST)
# What no other file would fare better with.
FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

told = {"left": 0, "note": 0}
extra = 0
# The files with several names that one name was sent of.
sent = set()


class Fail(Exception):
    """The copy ends."""

    pass


class Cut(Fail):
    """The other end is gone."""

    pass


def say(**words):
    line = json.dumps(words).encode() + b"\n"
    while line:
        line = line[os.write(2, line) :]


def tell(kind, trail, why):
    told[kind] += 1
    if told[kind] <= LISTED:
        say(kind=kind, path=os.fsdecode(b"/".join(trail))[-1000:], why=why)


def reason(error):
    if error.errno in SWAPPED:
        return "it was replaced while it was copied"
    return os.strerror(error.errno or errno.EIO)


def look(name, folder):
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def text(path):
    return os.fsdecode(path)


def find(path):
    """Opens the folder that a path's last name is in. Gives both."""
    at = [] if path.startswith(b"/") else None
    folder = os.open("/" if at == [] else ".", PATH)
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    links = 0
    while parts:
        name = parts.pop(0)
        try:
            seen = look(name, folder)
        except FileNotFoundError:
            if not parts:
                return folder, name
            break
        except OSError as error:
            raise Fail("%s: %s" % (text(path), reason(error))) from None
        if stat.S_ISLNK(seen.st_mode):
            target = os.readlink(name, dir_fd=folder)
            links += 1
            if links > 8 or not systems_own(folder, at):
                raise Fail(
                    "%s on the machine leads through a link (%s, to %s), which a session may have made: name the place itself"
                    % (text(path), text(name), text(target))
                )
            parts[:0] = [part for part in target.split(b"/") if part not in (b"", b".")]
            if target.startswith(b"/"):
                at, folder = [], os.open("/", PATH)
            continue
        if not parts:
            return folder, name
        try:
            above, folder = folder, os.open(name, PATH, dir_fd=folder)
        except NotADirectoryError:
            break
        except OSError as error:
            raise Fail("%s: %s" % (text(path), reason(error))) from None
        os.close(above)
        if name == b"..":
            at = at[:-1] if at else None
        elif at is not None:
            at.append(name)
    else:
        return folder, b"."
    parent = os.path.dirname(path.rstrip(b"/")) or b"."
    raise Fail("there is no folder %s on the machine" % text(parent))


def systems_own(folder, at):
    if at is None or (at and at[0] not in SYSTEM):
        return False
    seen = os.stat(folder)
    return seen.st_uid == 0 and not seen.st_mode & 0o022


packing = zlib.compressobj()


def out(data):
    while data:
        data = data[os.write(1, data) :]


def put(letter, data=b""):
    out(packing.compress(HEAD.pack(letter, len(data)) + data))


def meta(seen):
    return META.pack(seen.st_mode & 0o7777, max(-(1 << 62), min(1 << 62, seen.st_mtime_ns)))


def send(path, tree=None):
    """Sends a tree, or of it only the entries of another tree: a name leads to the names below it."""
    folder, name = find(path)
    try:
        look(name, folder)
    except FileNotFoundError:
        raise Fail("there is no %s on the machine" % text(path)) from None
    except OSError as error:
        raise Fail("%s: %s" % (text(path), reason(error))) from None
    # A folder's descriptor, and the names in it that are still to come.
    stack = []
    trail = [os.path.basename(path.rstrip(b"/"))]
    opened = send_entry(folder, name, trail, path)
    while True:
        if opened is not None:
            stack.append((opened, names_in(opened, tree, trail[1:]), tree))
        elif stack:
            trail.pop()
        if not stack:
            break
        opened = None
        folder, names, below = stack[-1]
        try:
            entry = next(names, None)
        except OSError as error:
            if listing is not None:
                raise Fail("%s: %s" % (text(b"/".join(trail)), reason(error))) from None
            tell("left", trail + [b"..."], reason(error))
            entry = None
        if entry is None:
            put(b"u")
            names.close()
            os.close(folder)
            stack.pop()
        else:
            trail.append(entry)
            tree = None if below is None else below[entry]
            opened = send_entry(folder, entry, trail, None)
    put(b"z")
    out(packing.flush())


def names_in(folder, tree, trail):
    if tree is not None:
        yield from tree
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if listing is None or not listing.skips(trail + [name]):
                yield name


class Listing:
    """Digests are wanted instead of content, of files up to this size and of entries that no pattern names."""

    def __init__(self, skip, limit):
        self.skip = re.compile(skip) if skip else None
        self.limit = int(limit)

    def skips(self, trail):
        return self.skip is not None and self.skip.search(b"/".join(trail)) is not None


listing = None


def unknown(seen, name):
    """Lists an entry that is there and cannot be copied: it must not look deleted."""
    put(b"f", (meta(seen) if seen else bytes(META.size)) + name)
    put(b"x")


def list_tree(path, skip, limit):
    global listing
    listing = Listing(skip, limit)
    send(path)


def chosen():
    """The paths on standard input, in their order."""
    paths = [path for path in sys.stdin.buffer.read().split(b"\0") if path]
    for path in paths:
        if not all(proper(name) for name in path.split(b"/")):
            raise Fail("the other side sent a name that would lead elsewhere: %s" % text(path))
    return paths


def pick(path):
    tree = {}
    for one in chosen():
        below = tree
        for name in one.split(b"/"):
            below = below.setdefault(name, {})
    send(path, tree)


def delete(path):
    above, last = find(path)
    try:
        top = os.open(last, PATH, dir_fd=above)
    except OSError as error:
        raise Fail("%s: %s" % (text(path), reason(error))) from None
    for one in chosen():
        *folders, name = one.split(b"/")
        opened = [top]
        try:
            for part in folders:
                opened.append(os.open(part, PATH, dir_fd=opened[-1]))
            if stat.S_ISDIR(look(name, opened[-1]).st_mode):
                os.rmdir(name, dir_fd=opened[-1])
            else:
                os.unlink(name, dir_fd=opened[-1])
        except FileNotFoundError:
            pass
        except OSError as error:
            tell("left", one.split(b"/"), "not deleted: %s" % os.strerror(error.errno or errno.EIO))
        finally:
            for folder in opened[1:]:
                os.close(folder)


def send_entry(folder, name, trail, top):
    """Sends a file or a link. Of a folder the beginning: its descriptor is given back."""
    seen = None
    try:
        seen = look(name, folder)
        if stat.S_ISREG(seen.st_mode):
            send_file(folder, name, trail)
        elif stat.S_ISLNK(seen.st_mode):
            target = os.readlink(name, dir_fd=folder)
            put(b"l", meta(seen) + struct.pack(">H", len(name)) + name + target)
        elif not stat.S_ISDIR(seen.st_mode):
            why = next((word for test, word in KINDS if test(seen.st_mode)), "neither a file nor a folder")
            if top:
                raise Fail("%s is %s" % (text(top), why))
            if listing is not None:
                unknown(seen, name)
            tell("left", trail, why)
        elif len(trail) > DEEPEST:
            if listing is not None:
                unknown(seen, name)
            tell("left", trail, "it is more than %d folders deep" % DEEPEST)
        else:
            opened = os.open(name, FOLDER, dir_fd=folder)
            put(b"d", meta(os.fstat(opened)) + name)
            return opened
    except BrokenPipeError:
        raise
    except FileNotFoundError:
        tell("note", trail, "it vanished while it was copied")
    except OSError as error:
        if top:
            raise Fail("%s: %s" % (text(top), reason(error))) from None
        if listing is not None:
            unknown(seen, name)
        tell("left", trail, reason(error))


def too_large(seen):
    """Counts by how much the copy grows beyond what it is made of, unless that is too much."""
    # It grows by a file's holes, and by the whole of a file that was sent under another name already. The number of its
    # names tells little: others may be outside of what is copied, in the store of a package manager.
    global extra
    file = seen.st_dev << 64 | seen.st_ino if seen.st_nlink > 1 else None
    there = seen.st_blocks * 512
    if file in sent:
        there = 0
    elif file is not None and len(sent) >= REMEMBERED:
        there //= seen.st_nlink
    own = max(0, seen.st_size - there)
    if extra + own > EXTRA:
        return True
    extra += own
    if file is not None and len(sent) < REMEMBERED:
        sent.add(file)
    return False


def send_file(folder, name, trail):
    data = os.open(name, READ, dir_fd=folder)
    try:
        before = os.fstat(data)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "")
        put(b"f", meta(before) + name)
        digest = hashlib.sha256()
        if listing is not None and before.st_size > listing.limit:
            put(b"x")
            tell("left", trail, "it is larger than %d MiB" % (listing.limit >> 20))
            return
        if too_large(before):
            put(b"x")
            tell("left", trail, "with holes and hard links the copy would be more than %d GiB larger than the files: pack it first" % (EXTRA >> 30))
            return
        # No more than there was: a file that grows for ever ends too.
        rest = before.st_size
        while rest:
            try:
                part = os.read(data, min(CHUNK, rest))
            except OSError as error:
                put(b"x")
                tell("left", trail, reason(error))
                return
            if not part:
                break
            if listing is None:
                put(b"b", part)
            else:
                digest.update(part)
            rest -= len(part)
        after = os.fstat(data)
        if listing is not None:
            put(b"h", struct.pack(">Q", before.st_size - rest) + digest.digest())
        put(b"e")
        if rest or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            tell("note", trail, "it changed while it was read")
    finally:
        os.close(data)


def records():
    unpacking = zlib.decompressobj()
    held = bytearray()
    while True:
        raw = os.read(0, CHUNK)
        if not raw:
            raise Cut("the copy was cut off")
        part = raw
        # A little that unpacks to very much is taken in parts too.
        while raw or len(part) == CHUNK:
            part = unpacking.decompress(raw, CHUNK)
            raw = unpacking.unconsumed_tail
            held += part
            while len(held) >= HEAD.size:
                letter, length = HEAD.unpack_from(held)
                if length > LONGEST:
                    raise Fail("what came is no copy")
                if len(held) < HEAD.size + length:
                    break
                data = bytes(held[HEAD.size : HEAD.size + length])
                del held[: HEAD.size + length]
                yield letter, data


def proper(name):
    return 0 < len(name) <= 255 and b"/" not in name and b"\0" not in name and name not in (b".", b"..")


def inside(target, depth):
    """Whether a link stays in what is copied: up no further than its top, and never down and up again."""
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    ups = 0
    while ups < len(parts) and parts[ups] == b"..":
        ups += 1
    absolute = target.startswith(b"/")
    return 0 < len(target) < 4096 and b"\0" not in target and not absolute and ups <= depth and b".." not in parts[ups:]


class Receiver:
    def __init__(self, path, name):
        folder, last = find(path)
        self.top = path
        try:
            folder, last = os.open(last, PATH, dir_fd=folder), name
            self.top = os.path.join(path, name)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Fail("%s: %s" % (text(path), reason(error))) from None
            if path.endswith(b"/"):
                raise Fail("there is no folder %s on the machine" % text(path)) from None
        if not proper(last):
            raise Fail("%s is no name for a file" % text(last))
        self.last = last
        # Descriptor, mode to put back, time to set.
        self.stack = [(folder, None, None)]
        self.trail = [last]
        self.data = self.temporary = None
        self.within = False
        self.skipped = 0
        self.begun = False
        self.umask = os.umask(0o022)
        os.umask(self.umask)

    def folder(self):
        return self.stack[-1][0]

    def named(self, name):
        """Where an entry stands, when it may stand there."""
        if self.within or (len(self.stack) == 1 and self.begun):
            raise Fail("what came is no copy")
        if not proper(name):
            raise Fail("the other side sent a name that would lead elsewhere: %s" % text(name))
        if len(self.stack) == 1:
            name = self.last
        self.begun = True
        self.trail[len(self.stack) - 1 :] = [name]
        return name

    def refuse(self, error):
        if len(self.stack) == 1 or error.errno in FATAL:
            raise Fail("%s: %s" % (text(self.top if len(self.stack) == 1 else b"/".join(self.trail)), reason(error)))
        tell("left", self.trail, reason(error))

    def blocked(self, what):
        if len(self.stack) == 1:
            raise Fail("%s is %s on the machine" % (text(self.top), what))
        tell("left", self.trail, "%s stands there" % what)

    def take(self, letter, data):
        if self.skipped:
            self.skipped += (letter == b"d") - (letter == b"u")
        elif letter == b"b" and self.within:
            self.write(data)
        elif letter in b"ex" and self.within:
            self.within = False
            self.finish(letter == b"e")
        elif letter == b"u" and len(self.stack) > 1 and not self.within:
            self.leave()
        elif letter in b"dfl" and len(data) >= META.size + (2 if letter == b"l" else 1):
            mode, mtime = META.unpack_from(data)
            rest = data[META.size :]
            if letter == b"l":
                length = struct.unpack_from(">H", rest)[0]
                self.link(self.named(rest[2 : 2 + length]), rest[2 + length :], mtime)
            elif letter == b"d":
                self.enter(self.named(rest), mode, mtime)
            else:
                self.begin(self.named(rest), mode, mtime)
                self.within = True
        else:
            raise Fail("what came is no copy")

    def enter(self, name, mode, mtime):
        if len(self.stack) > DEEPEST:
            raise Fail("what came is no copy")
        try:
            for _ in range(4):
                try:
                    os.mkdir(name, mode & 0o777 | 0o700, dir_fd=self.folder())
                    made = True
                except FileExistsError:
                    made = False
                try:
                    opened = os.open(name, FOLDER, dir_fd=self.folder())
                    break
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                if not stat.S_ISLNK(look(name, self.folder()).st_mode):
                    raise FileExistsError
                os.unlink(name, dir_fd=self.folder())
                tell("note", self.trail, "a link stood there, and gave way to a folder")
            else:
                raise OSError(errno.ELOOP, "")
        except FileExistsError:
            self.skipped = 1
            return self.blocked("a file")
        except OSError as error:
            self.skipped = 1
            return self.refuse(error)
        back = None
        seen = os.fstat(opened)
        if not made and seen.st_uid == os.geteuid() != 0 and seen.st_mode & 0o700 != 0o700:
            back = stat.S_IMODE(seen.st_mode)
            os.fchmod(opened, back | 0o700)
        self.stack.append((opened, back, mtime if made else None))

    def leave(self):
        folder, back, mtime = self.stack.pop()
        try:
            if back is not None:
                os.fchmod(folder, back)
            if mtime is not None:
                os.utime(folder, ns=(mtime, mtime))
        except OSError:
            pass
        os.close(folder)

    def begin(self, name, mode, mtime):
        self.meta = (name, mode, mtime)
        try:
            if self.in_the_way(name):
                return
            self.temporary = b".cloister-cp-" + os.urandom(8).hex().encode()
            self.data = os.open(self.temporary, WRITE, 0o600, dir_fd=self.folder())
        except OSError as error:
            self.drop()
            self.refuse(error)

    def in_the_way(self, name):
        try:
            folder = stat.S_ISDIR(look(name, self.folder()).st_mode)
        except FileNotFoundError:
            return False
        if folder:
            self.blocked("a folder")
        return folder

    def write(self, data):
        while data and self.data is not None:
            try:
                data = data[os.write(self.data, data) :]
            except OSError as error:
                self.drop()
                self.refuse(error)

    def finish(self, whole):
        if self.data is None:
            return
        name, mode, mtime = self.meta
        if not whole:
            return self.drop()
        try:
            os.fchmod(self.data, mode & 0o777 & ~self.umask)
            os.utime(self.data, ns=(mtime, mtime))
            os.rename(self.temporary, name, src_dir_fd=self.folder(), dst_dir_fd=self.folder())
            self.temporary = None
            if mode & 0o6000:
                tell("note", self.trail, "its set-user-id or set-group-id bit was left out")
        except OSError as error:
            self.refuse(error)
        finally:
            self.drop()

    def drop(self):
        """Lets go of a file. What is not in its place yet goes."""
        data, temporary = self.data, self.temporary
        self.data = self.temporary = None
        if data is not None:
            os.close(data)
        try:
            if temporary is not None:
                os.unlink(temporary, dir_fd=self.folder())
        except FileNotFoundError:
            pass

    def link(self, name, target, mtime):
        if not inside(target, len(self.stack) - 2):
            if len(self.stack) == 1:
                raise Fail("what came is no copy")
            return tell("left", self.trail, "a link that leads out of what is copied, to %s" % text(target[:200]))
        try:
            if self.in_the_way(name):
                return
            self.temporary = b".cloister-cp-" + os.urandom(8).hex().encode()
            os.symlink(target, self.temporary, dir_fd=self.folder())
            os.utime(self.temporary, ns=(mtime, mtime), dir_fd=self.folder(), follow_symlinks=False)
            os.rename(self.temporary, name, src_dir_fd=self.folder(), dst_dir_fd=self.folder())
            self.temporary = None
        except OSError as error:
            self.refuse(error)
        finally:
            self.drop()

    def end(self):
        try:
            self.drop()
        except OSError:
            pass
        while len(self.stack) > 1:
            self.leave()


def receive(path, name):
    receiver = Receiver(path, name)
    try:
        for letter, data in records():
            if letter == b"z" and len(receiver.stack) == 1 and not receiver.within:
                return
            receiver.take(letter, data)
    finally:
        receiver.end()


def told_to_end(number, _):
    signal.signal(number, signal.SIG_IGN)
    raise Cut("the copy was cut off")


def main():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told_to_end)
    words = [os.fsencode(word) for word in sys.argv[1:]]
    try:
        {b"send": send, b"receive": receive, b"list": list_tree, b"pick": pick, b"delete": delete}[words[0]](*words[1:])
        say(kind="sum", **told)
    except (Fail, zlib.error, OSError) as error:
        why = str(error) if isinstance(error, Fail) else "what came is no copy"
        if isinstance(error, OSError):
            why = reason(error)
        say(kind="fail", why=why, cut=isinstance(error, (Cut, BrokenPipeError)))
        sys.exit(1)


main()
