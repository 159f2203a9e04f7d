def connects(host, port):
    """How a connection ends: what was said, `connected` when it stays open, or why not."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(4 + SLOW // 2)
    try:
        s.connect((host, port))
    except OSError as problem:
        return errno.errorcode.get(problem.errno, str(problem))
    try:
        got = s.recv(100).decode("latin-1").strip()
        return "said " + got if got else "closed at once"
    except TimeoutError:
        return "connected"
    except OSError as problem:
        return "closed by " + errno.errorcode.get(problem.errno, str(problem))
    finally:
        s.close()


def all_of(places):
    """Each place at once: what it said, of those that were reached."""
    if not places:
        return {}
    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(lambda place: connects(*place), places))
    # Without zip(): Python 3.9, of Debian 11, knows no `strict`.
    return {f"{host}:{port}": ends[i] for i, (host, port) in enumerate(places)}


def reached(ends):
    """What a user-mode network accepts and closes at once is no service of the host's: something must have been said."""
    return {place: end for place, end in ends.items() if end.startswith("said")}


route = here(["ip", "-4", "route"])[1]
gateways = re.findall(r"default via (\S+)", route)
subnet = re.findall(r"^(\d+\.\d+\.\d+)\.\d+/\d+ dev", route, re.M)
near = sorted({*gateways, "10.0.2.2", "10.0.2.3", "10.0.2.4", *(f"{net}.{last}" for net in subnet for last in (1, 2, 3, 4, 254))})
own = socket.socket()
own.bind(("0.0.0.0", 0))
own.listen()


def serve():
    while True:
        try:
            connection, _ = own.accept()
            connection.sendall(b"the machine itself\n")
            connection.close()
        except OSError:
            return


threading.Thread(target=serve, daemon=True).start()
itself = connects("127.0.0.1", own.getsockname()[1])


def loopback():
    with checks("edge.loopback"):
        ends = all_of([(host, GIVEN["loopback"]) for host in [*near, "fec0::2", "fe80::2", "169.254.1.1", "192.168.122.1"]])
        attack("edge.loopback", not reached(ends), {"reached": reached(ends), "ends": ends})
        control("edge.loopback", GIVEN["controlLoopback"] and itself.startswith("said"), "the service answers on the computer itself; the machine reaches one of its own by the same call")


def own_address():
    with checks("edge.own-address"):
        ends = all_of([(host, GIVEN["everywhere"]) for host in [*GIVEN["addresses"], *near]])
        if not GIVEN["addresses"]:
            absent("edge.own-address", "this computer has no address but loopback")
        attack("edge.own-address", not reached(ends), {"reached": reached(ends), "ends": ends})
        control("edge.own-address", GIVEN["controlOwn"] and itself.startswith("said"), f"the service answers at {GIVEN['addresses']} on the computer itself")


def local_network():
    with checks("edge.local-network"):
        places = [(place.split()[0], int(place.split()[1])) for place in GIVEN["neighbours"]]
        if not places:
            absent("edge.local-network", "this computer itself reaches no service of its gateway or name servers")
        ends = all_of(places)
        # Not all that listens speaks first: to be connected is enough here.
        got = {place: end for place, end in ends.items() if end.startswith(("said", "connected"))}
        attack("edge.local-network", not got, {"reached": got, "ends": ends})
        control("edge.local-network", bool(places) and itself.startswith("said"), f"this computer reaches {GIVEN['neighbours']}")


def by_name():
    with checks("edge.by-name"):
        names = ["localhost", "host.containers.internal", "host.docker.internal", "gateway.docker.internal", "_gateway", GIVEN["hostname"]]
        found = {}
        for name in names:
            with contextlib.suppress(OSError):
                for _, _, _, _, address in socket.getaddrinfo(name, None, proto=6):
                    found.setdefault(address[0], name)
        places = [(host, port) for host in found if not host.startswith("127.") and host != "::1" for port in (GIVEN["loopback"], GIVEN["everywhere"])]
        ends = all_of(places)
        attack("edge.by-name", not reached(ends), {"names": found, "reached": reached(ends)})
        control("edge.by-name", "127.0.0.1" in found or "::1" in found, "names can be looked up: localhost is known")


def ping(host):
    """Whether a host answers an ICMP echo."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as s:
        s.settimeout(3 + SLOW // 4)
        text = struct.pack(">BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, 1) + b"escape.."
        total = sum(struct.unpack(f">{len(text) // 2}H", text))
        total = (total >> 16) + (total & 0xFFFF)
        text = text[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + text[4:]
        end = time.time() + 3 + SLOW // 4
        try:
            s.sendto(text, (host, 0))
            while time.time() < end:
                got, (source, _) = s.recvfrom(200)
                # Echo reply, and not the request of our own that loopback shows as well.
                if source == host and got[20] == 0 and got[24:26] == text[4:6]:
                    return True
        except OSError:
            pass
        return False


def other_protocols():
    with checks("edge.other-protocols"):
        def udp(place):
            host, port, text = place
            try:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(4 + SLOW // 4)
                s.sendto(text, (host, port))
                return f"{host}:{port}", s.recv(600)
            except OSError:
                return f"{host}:{port}", None
        # Services of the computer's own, then what QEMU has of its own at such addresses: files by TFTP and SMB.
        places = [(host, port, b"hello") for host in [*near, *GIVEN["addresses"]] for port in (GIVEN["udpLoopback"], GIVEN["udpEverywhere"])]
        places += [(host, 69, b"\x00\x01/etc/passwd\x00octet\x00") for host in near]
        with ThreadPoolExecutor(24) as pool:
            answers = {place: text for place, text in pool.map(udp, places) if text}
        files = reached(all_of([(host, port) for host in near for port in (139, 445, 111, 2049)]))
        # An answer to a ping tells who is there.
        hosts = sorted({*GIVEN["addresses"], *(place.split()[0] for place in GIVEN["neighbours"])})
        with ThreadPoolExecutor(16) as pool:
            pings = [host for host in pool.map(lambda host: ping(host) and host, hosts) if host]
        leaked = {place: text.hex()[:60] for place, text in answers.items() if b"this computer" in text or b"root:" in text or place.endswith(":69") and text[:2] == b"\x00\x03"}
        attack("edge.other-protocols", not leaked and not files and not pings, {"answered": {place: len(text) for place, text in answers.items()}, "leaked": leaked, "files": files, "pings": pings})
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        s.settimeout(5)
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"own", s.getsockname())
        own_ping = ping("127.0.0.1")
        control("edge.other-protocols", s.recv(10) == b"own" and GIVEN["controlUdp"] and own_ping, f"the service answers on the computer itself; the machine sends and receives datagrams of its own, and its own ping is answered: {own_ping}")


# At once: of what is dropped nothing is heard, for as long as one waits.
together(loopback, own_address, local_network, by_name, other_protocols)
with checks("edge.ssh"):
    if not GIVEN["addresses"]:
        absent("edge.ssh", "this computer has no address but loopback")
    attack("edge.ssh", not GIVEN["sshElsewhere"], "an ssh banner at another address of the computer than loopback: " + ("yes" if GIVEN["sshElsewhere"] else "no"))
    control("edge.ssh", GIVEN["sshHere"] > 0, f"at loopback so many ports say that they are ssh, of which one is this program's way: {GIVEN['sshHere']}")
own.close()
