ASK = r'''
# Asks the HTTP proxy for hosts that are not allowed, on as few connections as it takes.
import base64, urllib.parse
url = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
token = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
count, host = int(sys.argv[1]), sys.argv[2]
answers, s, began = {}, None, time.time()
left = b""
for i in range(count):
    for attempt in (1, 2):
        try:
            if s is None: s = socket.create_connection(("127.0.0.1", 3128), 30); left = b""
            s.sendall(f"GET http://{host}/{i}{os.urandom(450).hex()} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic {token}\r\nConnection: keep-alive\r\n\r\n".encode())
            while b"\r\n\r\n" not in left:
                more = s.recv(65536)
                if not more: raise OSError("closed")
                left += more
            head, left = left.split(b"\r\n\r\n", 1)
            length = re.search(rb"content-length: *(\d+)", head, re.I)
            chunked = b"chunked" in head.lower()
            if length:
                while len(left) < int(length[1]): left += s.recv(65536)
                left = left[int(length[1]):]
            if chunked or b"connection: close" in head.lower(): s.close(); s = None
            code = head.split(b" ")[1].decode(); answers[code] = answers.get(code, 0) + 1
            break
        except OSError:
            s = None
say({"answers": answers, "seconds": time.time() - began})
'''
HOST = f"flood-{TAG}.example"
FIRST = f"first-{TAG}.example"


def on_disk():
    ran = session(ASK, 1, FIRST)
    name = ran.run["session"]
    rows = audit_rows(name)
    # Only file systems with a device of their own behind them: what is below /run is memory.
    kept, memory = 0, 0
    for place in ("/var/log/journal", "/run/log/journal"):
        device = here(["findmnt", "-n", "-o", "FSTYPE", "-T", place])[1].strip()
        for top, _, files in os.walk(place):
            for file in files:
                if file.endswith((".journal", ".journal~")):
                    number = here(["journalctl", "--file", f"{top}/{file}", "-t", "cloister-egress", "-o", "cat", "--no-pager"])[1].count(FIRST)
                    if device == "tmpfs" or place.startswith("/run"):
                        memory += number
                    else:
                        kept += number
    attack("audit.on-disk", kept > 0, f"rows of this session in files on disk: {kept}; in memory: {memory}")
    control("audit.on-disk", len(rows) >= 1, f"rows that a reader sees: {len(rows)}")


def flood():
    count = GIVEN["requests"]
    process = start(ASK, count, HOST, timeout=max(200, count // 50))
    peak = 0
    out = []
    reading = threading.Thread(target=lambda: out.append(process.communicate()))
    reading.start()
    while reading.is_alive():
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.2)
    ran = Ran(process.returncode, out[0][0].decode(), out[0][1].decode(), 0)
    asked = sum(ran.found()["answers"].values())
    name = ran.run["session"]
    rows = audit_rows(name)
    written = [row for row in rows if row.get("host") == HOST]
    counted = sum(stood_for(row) for row in rows if "counted" in row)
    seconds = ran.found()["seconds"]
    # 200 at once and 50 a second are rows of their own; whatever comes faster is counted, or a flood would have all of the disk.
    single = [row for row in written if "counted" not in row]
    attack("audit.counted", len(written) + counted >= asked and len(single) <= 200 + 60 * (seconds + 1), {"asked": asked, "in seconds": round(seconds, 1), "rows": len(written), "counted": counted})
    control("audit.counted", asked == count and len(rows) > 0, f"{asked} requests were answered: {ran.found()['answers']}")
    first = [row for row in audit_rows() if row.get("host") == FIRST]
    attack("audit.flood", len(first) == 1, f"rows of before the flood that are still there: {len(first)}")
    control("audit.flood", len(rows) > 0, f"rows of the flood that a reader sees: {len(rows)}")
    size = len(json.dumps(ran.run))
    attack("audit.grows", peak < 400 and size < 4_000_000, {"MB of the supervisor at most": peak, "bytes of --json": size, "requests": asked})
    control("audit.grows", peak > 10 and len(ran.run["decisions"]) > 0, f"decisions told: {len(ran.run['decisions'])}")


TEXT = r'''
import base64, urllib.parse
url = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
token = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
for path in (b"/a\x1b[2Jb", b'/"},{"verdict":"allowed","host":"forged.example"', b"/\xff\xfe\x85", b"/" + b"x" * 9000, b"/%0a%0dX", "/\u2028\u202e".encode()):
    s = socket.create_connection(("127.0.0.1", 3128), 30)
    s.sendall(b"GET http://" + sys.argv[1].encode() + path + b" HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic " + token.encode() + b"\r\nConnection: close\r\n\r\n")
    s.settimeout(10)
    try:
        while s.recv(65536): pass
    except OSError: pass
say({"asked": 6})
'''


def text():
    host = f"text-{TAG}.example"
    ran = session(TEXT, host)
    name = ran.run["session"]
    here(["journalctl", "--sync"])
    rows = audit_rows(name)
    forged = [row for row in audit_rows() if row.get("host") == "forged.example"]
    bad = [row for row in rows if re.search(r"[^\x20-\x7e]", row.get("path") or "") or len(row.get("path") or "") > 1024]
    attack("audit.text", not forged and not bad, {"forged": len(forged), "rows with what is no text": len(bad), "paths": [(row.get("path") or "")[:30] for row in rows][:8]})
    control("audit.text", any(row.get("host") == host for row in rows), f"rows of these requests: {len(rows)}")


def on_disk_then_flood():
    with checks("audit.on-disk", "audit.flood", "audit.counted", "audit.grows"):
        on_disk()
    if wanted("audit.flood"):
        with checks("audit.flood", "audit.counted", "audit.grows"):
            flood()


def text_in_rows():
    with checks("audit.text"):
        text()


together(on_disk_then_flood, text_in_rows)
