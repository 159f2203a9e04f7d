CLIENT = r'''
import base64, urllib.parse
url = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
USER, TOKEN = url.username.encode(), url.password.encode()
BASIC = b"Proxy-Authorization: Basic " + base64.b64encode(USER + b":" + TOKEN) + b"\r\n"
def spoken(port, parts, wait=6.0):
    """Sends parts, reading after each; what came back, or why nothing did."""
    got = b""
    try:
        s = socket.create_connection(("127.0.0.1", port), 20); s.settimeout(wait)
        for part in parts:
            s.sendall(part)
            try:
                more = s.recv(65536)
                if not more: break
                got += more
            except OSError: break
        s.close()
    except OSError as e:
        return got, errno.errorcode.get(e.errno, str(e))
    return got, "closed"
def socks(name, port=80, token=TOKEN, kind=3, command=1, version=5):
    address = bytes([len(name)]) + name if kind == 3 else name
    return spoken(1080, [b"\x05\x01\x02", b"\x01" + bytes([len(USER)]) + USER + bytes([len(token)]) + token, bytes([version, command, 0, kind]) + address + struct.pack(">H", port)])
def reply(got):
    # 05 02, 01 00, then the reply.
    return got[0][4:][1] if len(got[0]) > 5 else None
def http(raw): return spoken(3128, [raw])
def status(got):
    m = re.match(rb"HTTP/1\.[01] (\d+)", got[0])
    return int(m[1]) if m else None
def get(target, headers=BASIC, method=b"GET", host=b"x"):
    return http(method + b" " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + headers + b"Connection: close\r\n\r\n")
'''
SOCKS_NAMES = r'''
names = [b"nul\0.example", b"crlf\r\nX: y.example", b"\xff\xfe.example", "b\u00fccher.example".encode(), b"", b"x" * 255, b"-.example", b"a b.example", b"\x1b[2J.example", b"..", b"%00.example"]
say({"asked": len(names), "answers": [reply(socks(n)) for n in names], "control": reply(socks(b"denied-control.example"))})
'''
SOCKS_BAD = r'''
auth = b"\x01" + bytes([len(USER)]) + USER + bytes([len(TOKEN)]) + TOKEN
cases = {
    "version 4": [b"\x04\x01\x00\x50\x01\x02\x03\x04\x00"],
    "no method": [b"\x05\x00"],
    "no authentication": [b"\x05\x01\x00", b"\x05\x01\x00\x03\x01a\x00\x50"],
    "wrong password": [b"\x05\x01\x02", b"\x01\x03srt\x03bad"],
    "version 6 request": [b"\x05\x01\x02", auth, b"\x06\x01\x00\x03\x01a\x00\x50"],
    "bind": [b"\x05\x01\x02", auth, b"\x05\x02\x00\x03\x01a\x00\x50"],
    "associate": [b"\x05\x01\x02", auth, b"\x05\x03\x00\x03\x01a\x00\x50"],
    "address type 2": [b"\x05\x01\x02", auth, b"\x05\x01\x00\x02\x01a\x00\x50"],
    "cut request": [b"\x05\x01\x02", auth, b"\x05\x01\x00\x03\xffabc"],
    "not socks": [b"GET / HTTP/1.1\r\n\r\n"],
}
answers = {}
for what, parts in cases.items():
    got, how = spoken(1080, parts, 3.0); answers[what] = got.hex()[-12:] or how
say({"asked": len(cases), "answers": answers, "control": reply(socks(b"denied-control.example"))})
'''
HTTP_BAD = r'''
cases = {
    "no method": b"http://a.example/ HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "version 9": b"GET http://a.example/ HTTP/9.9\r\nHost: x\r\n" + BASIC + b"\r\n",
    "bare path": b"GET /only HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "other scheme": b"GET ftp://a.example/ HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "no URL": b"GET http://[/ HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "connect without port": b"CONNECT a.example HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "connect port 99999": b"CONNECT a.example:99999 HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "connect to nothing": b"CONNECT : HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n",
    "header of 100 kB": b"GET http://a.example/ HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n" + BASIC + b"\r\n",
    "NUL in a header": b"GET http://a.example/ HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n" + BASIC + b"\r\n",
    "two lengths": b"POST http://a.example/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + BASIC + b"\r\na",
    "length and chunks": b"POST http://a.example/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + BASIC + b"\r\n0\r\n\r\n",
    "space before colon": b"GET http://a.example/ HTTP/1.1\r\nHost : x\r\n" + BASIC + b"\r\n",
    "upgrade": b"GET http://a.example/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + BASIC + b"\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
answers = {}
for what, raw in cases.items():
    got = http(raw); answers[what] = status(got) or got[1]
say({"asked": len(cases), "answers": answers, "control": status(get(b"http://denied-control.example/"))})
'''
SMUGGLE = r'''
inner = b"GET http://smuggled.example/ HTTP/1.1\r\nHost: smuggled.example\r\n" + BASIC + b"\r\n"
outer = b"POST http://outer.example/ HTTP/1.1\r\nHost: outer.example\r\nContent-Length: %d\r\n" % len(inner) + BASIC + b"\r\n" + inner
chunked = b"POST http://outer.example/ HTTP/1.1\r\nHost: outer.example\r\nTransfer-Encoding: chunked\r\n" + BASIC + b"\r\n0\r\n\r\n" + inner
answers = {}
for what, raw in {"in the body": outer, "behind chunks": chunked}.items():
    got = http(raw); answers[what] = [int(n) for n in re.findall(rb"HTTP/1\.1 (\d+)", got[0])]
say({"asked": 2, "answers": answers})
'''
SPELLINGS = r'''
hosts = ["169.254.169.254", "2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]",
    "169-254-169-254.nip.io", "127.0.0.1:22", "127.1:22", "0:22", "0.0.0.0:22", "localhost:22", "LOCALHOST:22", "localhost.:22", "[::1]:22", "[::]:22", "[::ffff:127.0.0.1]:22", "10.0.2.2", "10.0.2.15:22", "10.0.2.3:53",
    "192.168.1.1", "172.16.0.1", "100.64.0.1", "[fe80::1]", "[fe80::1%25lo]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "169.254.170.2", "metadata.google.internal", "0177.0.0.1:22", "[0:0:0:0:0:ffff:7f00:1]:22",
    "\u2460\u2461\u2467.0.0.1:22", "127.0.0.1.nip.io:22", "claude:22", "ip6-localhost:22", "224.0.0.1", "255.255.255.255"]
through = {}
for host in hosts:
    bare = re.sub(r":\d+$", "", host) if not host.endswith("]") else host
    port = int(host[len(bare) + 1:] or 80)
    raw = host.encode()
    a, b = status(get(b"http://" + raw + b"/")), status(http(b"CONNECT " + raw + (b"" if bare != host else b":80") + b" HTTP/1.1\r\nHost: x\r\n" + BASIC + b"\r\n"))
    c = reply(socks(bare.strip("[]").encode(), port))
    # Names of nip.io are listed here, so that the address behind is what is judged; where nobody can look them up, that is 502.
    dialled = (200, 301, 302, 404, 504) if "nip.io" in host else (200, 301, 302, 404, 502, 504)
    if a in dialled or b == 200 or c == 0: through[host] = [a, b, c]
say({"asked": 3 * len(hosts), "through": through, "control": status(get(b"http://denied-control.example/"))})
'''
SUFFIXES = r'''
# Allowed: allowed.example:80 and *.wild.example. None of them is in DNS: what is let through ends with 502 or so.
near = [b"http://allowed.example.evil.example/", b"http://evilallowed.example/", b"http://allowed.example@evil.example/", b"http://evil.example#@allowed.example/", b"http://evil.example?@allowed.example/",
    b"http://allowed.example:81/", b"http://wild.example.evil/", b"http://xwild.example/", "http://allowed\u3002evil/".encode(), b"http://allowed.example%2eevil.example/", b"http://allowed.example%00.evil.example/", b"http://allowed.example\\@evil.example/", b"http://evil.example\\.allowed.example/", b"http://allowed.example;evil.example/"]
answers = {n.decode(): status(get(n)) for n in near}
# The target is one host, the Host header another: the target is what counts.
answers["Host header"] = status(get(b"http://evil.example/", host=b"allowed.example"))
say({"asked": len(answers), "answers": answers, "control": status(get(b"http://allowed.example/")), "wild": status(get(b"http://a.wild.example/"))})
'''
TOKENS = r'''
answers = {
    "none": status(get(b"http://allowed.example/", b"")),
    "empty": status(get(b"http://allowed.example/", b"Proxy-Authorization: Basic \r\n")),
    "another's": status(get(b"http://allowed.example/", b"Proxy-Authorization: Basic " + base64.b64encode(b"srt:" + sys.argv[2].encode()) + b"\r\n")),
    "cut": status(get(b"http://allowed.example/", b"Proxy-Authorization: Basic " + base64.b64encode(USER + b":" + TOKEN[:-1]) + b"\r\n")),
    "twice": status(get(b"http://allowed.example/", b"Proxy-Authorization: Basic eDp5\r\n" + BASIC)),
    "other scheme": status(get(b"http://allowed.example/", b"Proxy-Authorization: Bearer " + TOKEN + b"\r\n")),
    "connect": status(http(b"CONNECT allowed.example:80 HTTP/1.1\r\nHost: x\r\n\r\n")),
}
say({"asked": len(answers), "answers": answers, "control": status(get(b"http://allowed.example/")), "own": TOKEN.decode()})
'''
DIRECT = r'''
ends = {}
for host, port in (("10.0.2.2", 22), ("10.0.2.3", 53), ("10.0.2.15", 22), ("1.1.1.1", 443), ("169.254.169.254", 80), (sys.argv[1], 22)):
    def tcp():
        s = socket.socket(); s.settimeout(3); s.connect((host, port))
    def udp(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (host, port))
    ends[f"tcp {host}:{port}"] = tried(tcp); ends[f"udp {host}:{port}"] = tried(udp)
ends["tcp6"] = tried(lambda: socket.create_connection(("2606:4700:4700::1111", 443), 3))
ends["raw"] = tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
ends["broadcast"] = tried(lambda: (s := socket.socket(socket.AF_INET, socket.SOCK_DGRAM), s.setsockopt(1, 6, 1), s.sendto(b"x", ("255.255.255.255", 67))))
ends["dns"] = tried(lambda: socket.getaddrinfo("example.com", 80))
ends["loopback of the machine"] = tried(lambda: socket.create_connection(("127.0.0.1", 22), 3))
say({"ends": ends, "interfaces": os.listdir("/sys/class/net") if os.path.isdir("/sys/class/net") else [n for _, n in socket.if_nameindex()]})
'''


# Groups of one session, one after the other: whose a row is, its time tells.
GROUPS = r'''
def say(value): results[-1]["found"] = value
results = []
for name, text in json.loads(sys.argv[3]).items():
    time.sleep(0.4)
    results.append({"group": name, "from": time.time()})
    try: exec(text, globals())
    except Exception as e: results[-1]["error"] = f"{type(e).__name__}: {e}"
    results[-1]["to"] = time.time()
print(json.dumps(results, default=str), flush=True)
'''


class Group:
    """What became of a group of requests, and the rows that it left."""

    def __init__(self, result, rows):
        if "error" in result:
            raise RuntimeError(result["error"])
        self.found = result["found"]
        self.rows = [row for row in rows if result["from"] - 0.2 <= self.when(row) <= result["to"] + 0.2]
        # The control's own row is not one of them.
        own = [row for row in self.rows if row.get("host") != "denied-control.example"]
        self.count = sum(stood_for(row) for row in own)
        self.allowed = [row for row in own if row.get("verdict") == "allowed"]
        self.has_control = any(row.get("host") == "denied-control.example" for row in self.rows)

    @staticmethod
    def when(row):
        import datetime
        return datetime.datetime.fromisoformat(row["time"].replace("Z", "+00:00")).timestamp()


def groups(texts, *arguments, allow=()):
    """Runs groups in one session; how each can be looked at."""
    ran = session(CLIENT + GROUPS, *arguments, json.dumps(texts), allow=allow, timeout=300)
    results = {result["group"]: result for result in ran.found()}
    rows = audit_rows(ran.run["session"])
    return lambda name: Group(results[name], rows)


TEXTS = {"socks-names": SOCKS_NAMES, "socks-malformed": SOCKS_BAD, "http-malformed": HTTP_BAD, "http-smuggled": SMUGGLE, "direct": DIRECT, "spellings": SPELLINGS, "suffixes": SUFFIXES, "token": TOKENS}
TEXTS = {name: text for name, text in TEXTS.items() if wanted(f"proxies.{name}")}
with checks(*(f"proxies.{name}" for name in TEXTS)):
    own = re.search(r"src (\S+)", here(["ip", "route", "get", "10.0.2.2"])[1])
    address = own[1] if own else "10.0.2.15"
    if CONTAINER:
        # A container has no ssh that could stand for what must not be reached.
        ssh = socket.create_server(("0.0.0.0", 22))
    # A token of another session's, which is over; one of a session that runs is no more than that at this one's proxies.
    theirs = session("import urllib.parse\nsay({'token': urllib.parse.urlparse(os.environ['HTTP_PROXY']).password})").found()["token"] if "token" in TEXTS else ""
    group = groups(TEXTS, address, theirs, allow=["*.nip.io", "allowed.example:80", "*.wild.example"])
    if "socks-names" in TEXTS:
        with checks("proxies.socks-names"):
            one = group("socks-names")
            attack("proxies.socks-names", one.count >= one.found["asked"] and not one.allowed and 0 not in one.found["answers"], {"asked": one.found["asked"], "rows": one.count, "replies": one.found["answers"]})
            control("proxies.socks-names", one.found["control"] == 2 and one.has_control, "a well formed name that is refused leaves its row")
    if "socks-malformed" in TEXTS:
        with checks("proxies.socks-malformed"):
            one = group("socks-malformed")
            attack("proxies.socks-malformed", one.count >= one.found["asked"] and not one.allowed, {"asked": one.found["asked"], "rows": one.count, "answers": one.found["answers"]})
            control("proxies.socks-malformed", one.found["control"] == 2 and one.has_control, "a well formed request that is refused leaves its row")
    if "http-malformed" in TEXTS:
        with checks("proxies.http-malformed"):
            one = group("http-malformed")
            attack("proxies.http-malformed", one.count >= one.found["asked"] and not one.allowed and 200 not in one.found["answers"].values(), {"asked": one.found["asked"], "rows": one.count, "answers": one.found["answers"]})
            control("proxies.http-malformed", one.found["control"] == 403 and one.has_control, "a well formed request that is refused leaves its row")
    if "http-smuggled" in TEXTS:
        with checks("proxies.http-smuggled"):
            one = group("http-smuggled")
            inner = [row for row in one.rows if row.get("host") == "smuggled.example"]
            second = len(one.found["answers"]["behind chunks"]) > 1
            attack("proxies.http-smuggled", not one.allowed and (not second or len(inner) >= 1) and len(one.found["answers"]["in the body"]) <= 1, {"answers": one.found["answers"], "rows of the second": len(inner)})
            control("proxies.http-smuggled", any(row.get("host") == "outer.example" for row in one.rows), "the first has its row")
    if "direct" in TEXTS:
        with checks("proxies.direct"):
            one = group("direct")
            done = [what for what, end in one.found["ends"].items() if end == "ok"]
            attack("proxies.direct", not done, {"reached": done, "interfaces": one.found["interfaces"]})
            outside = as_uid(0, f"say({{'tcp': tried(lambda: socket.create_connection(({address!r}, 22), 5)), 'udp': tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ({address!r}, 22)))}})")
            control("proxies.direct", set(outside.values()) == {"ok"}, f"the machine's root, by the same calls, to the machine's own address: {outside}")

    if "spellings" in TEXTS:
        with checks("proxies.spellings"):
            one = group("spellings")
            attack("proxies.spellings", not one.found["through"], {"asked": one.found["asked"], "let through": one.found["through"], "rows": one.count})
            s = socket.create_connection(("127.0.0.1", 22), 10)
            control("proxies.spellings", one.found["control"] == 403, "the machine's ssh is there, on its loopback, for its own users")
            s.close()
    if "suffixes" in TEXTS:
        with checks("proxies.suffixes"):
            one = group("suffixes")
            odd = [row for row in one.allowed if row["host"] not in ("allowed.example", "a.wild.example") or row["port"] != 80]
            wrong = {name: code for name, code in one.found["answers"].items() if code in (200, 301, 302, 404, 502, 504)}
            attack("proxies.suffixes", not odd and not wrong, {"allowed in error": odd, "dialled": wrong, "answers": sorted(set(one.found["answers"].values()), key=str)})
            control("proxies.suffixes", one.found["control"] not in (400, 403, None) and one.found["wild"] not in (400, 403, None), f"the listed names are let through, and end with {one.found['control']} and {one.found['wild']}: nobody has them")
    if "token" in TEXTS:
        with checks("proxies.token"):
            one = group("token")
            through = {what: code for what, code in one.found["answers"].items() if code not in (400, 407)}
            denied = sum(stood_for(row) for row in one.rows if row["verdict"] == "denied")
            attack("proxies.token", not through and denied >= one.found["asked"], {"answers": one.found["answers"], "rows": denied})
            control("proxies.token", one.found["control"] not in (403, 407, None), f"with its own token it is let through, and ends with {one.found['control']}")
