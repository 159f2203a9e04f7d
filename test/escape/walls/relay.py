ASKING = r'''
import base64, urllib.parse
url = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
BASIC = "Proxy-Authorization: Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode() + "\r\n"
KEY = os.environ["ANTHROPIC_AUTH_TOKEN"]
def ask(body, path="/v1/messages", headers="", method="POST", key=None, host="model.cloister.internal", target=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    key = f"Authorization: Bearer {KEY}\r\n" if key is None else key
    s = socket.create_connection(("127.0.0.1", 3128), 30 * PATIENCE); s.settimeout(30 * PATIENCE)
    target = target or f"http://{host}{path}"
    s.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{BASIC}{key}content-type: application/json\r\nanthropic-version: 2023-06-01\r\n{headers}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
    got = b""
    try:
        while True:
            more = s.recv(65536)
            if not more: break
            got += more
    except OSError: pass
    m = re.match(rb"HTTP/1\.[01] (\d+)", got)
    return (int(m[1]) if m else None), got.split(b"\r\n\r\n", 1)[-1].decode("utf-8", "replace")[:200]
def base(**more):
    return {"model": os.environ["ANTHROPIC_MODEL"], "max_tokens": 16, "messages": [{"role": "user", "content": "hello"}], **more}
def content(*blocks): return base(messages=[{"role": "user", "content": [{"type": "text", "text": "x"}, *blocks]}])
'''
ASK = ASKING + r'''
out = "https://evil.example/x"
image = {"type": "image", "source": {"type": "url", "url": out}}
groups = {}
groups["sources"] = {
    "image": content(image), "document": content({"type": "document", "source": {"type": "url", "url": out}}), "file": content({"type": "image", "source": {"type": "file", "file_id": "f"}}),
    "in a tool result": content({"type": "tool_result", "tool_use_id": "t", "content": [image]}),
    "in document content": content({"type": "document", "source": {"type": "content", "content": [image]}}),
    "deeper": content({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document", "source": {"type": "content", "content": [{"type": "document", "source": {"type": "content", "content": [image]}}]}}]}),
    "in system": base(system=[image]), "letter case": content({"type": "image", "source": {"type": "URL", "url": out}}), "url beside base64": content({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA==", "url": out}, "url": out}),
    "source list": content({"type": "image", "source": [{"type": "url", "url": out}]}), "type list": content({"type": "image", "source": {"type": ["url"], "url": out}}),
}
groups["blocks"] = {name: content(block) for name, block in {
    "container_upload": {"type": "container_upload", "file_id": "f"}, "server_tool_use": {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {"url": out}}, "mcp_tool_use": {"type": "mcp_tool_use", "id": "m", "name": "n", "server_name": "s", "input": {}},
    "made up": {"type": "fetch_for_me", "url": out}, "no type": {"url": out}, "search_result": {"type": "search_result_by_url", "source": out}, "a string": "x", "null": None, "a number": 7,
}.items()}
groups["shapes"] = {
    "messages": base(messages={"0": {"role": "user", "content": [image]}}), "content": base(messages=[{"role": "user", "content": {"0": image}}]), "content object": base(messages=[{"role": "user", "content": image}]),
    "system": base(system={"type": "text", "text": "x"}), "system image": base(system={"0": image}), "tools": base(tools={"0": {"type": "web_fetch_20250910", "name": "web_fetch"}}), "tool list in list": base(tools=[[{"type": "web_fetch_20250910", "name": "web_fetch"}]]),
    "messages null": base(messages=None), "result content": content({"type": "tool_result", "tool_use_id": "t", "content": {"0": image}}), "result content object": content({"type": "tool_result", "tool_use_id": "t", "content": image}), "a list": [base()], "a string": "x", "length header": base(messages={"length": 1, "0": {"role": "user", "content": "x"}}),
}
plain = json.dumps(base())[1:-1]
bad = '"mcp_servers":[{"type":"url","url":"https://evil.example","name":"e"}]'
messages = '"messages":[{"role":"user","content":[' + json.dumps(image) + "]}]"
twice = {
    "bad first": "{" + bad + ',"mcp_servers":[],' + plain + "}", "bad last": '{"mcp_servers":[],' + bad + "," + plain + "}",
    "escaped": '{"mcp_servers":[],' + bad.replace("mcp", "\\u006dcp") + "," + plain + "}", "messages first": "{" + messages + "," + plain + "}", "messages last": "{" + plain + "," + messages + "}",
    "in a block": "{" + plain.replace('"content": "hello"', '"content":[{"type":"image","source":{"type":"url","url":"https://evil.example"},"source":{"type":"base64","media_type":"image/png","data":"AA=="}}]') + "}",
    "type twice": "{" + plain.replace('"content": "hello"', '"content":[{"type":"text","text":"x","type":"container_upload","file_id":"f"}]') + "}",
}
groups["tools"] = {name: base(**more) for name, more in {
    "web_search": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "code_execution": {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}, "letter case": {"tools": [{"type": "WEB_FETCH_20250910", "name": "f"}]},
    "mcp_toolset": {"tools": [{"type": "mcp_toolset", "mcp_server_name": "e"}]}, "mcp_servers": {"mcp_servers": [{"type": "url", "url": out, "name": "e"}]}, "MCP_SERVERS": {"MCP_Servers": [{"type": "url", "url": out, "name": "e"}]}, "container": {"container": "c"}, "container skills": {"container": {"skills": [{"type": "anthropic", "skill_id": "pdf"}]}},
    "unknown field": {"fetch": out}, "context_management odd": {"context_management": {"edits": [{"type": "send_to", "url": out}]}}, "type number": {"tools": [{"type": 5, "name": "x"}]}, "tool url": {"tools": [{"name": "x", "input_schema": {"type": "object"}, "url": out, "type": "custom2"}]},
}.items()}
targets = {
    "files": ask({}, "/v1/files"), "batches": ask({}, "/v1/messages/batches"), "GET": ask(b"", "/v1/messages", method="GET"), "query": ask(base(), "/v1/messages?x=1"), "beta query twice": ask(base(), "/v1/messages?beta=true&beta=false"), "dots": ask(base(), "/v1/messages/../files"), "encoded dots": ask(base(), "/v1/%6dessages"), "double slash": ask(base(), "//v1/messages"),
    "encoded slash": ask(base(), "/v1/messages%2f..%2ffiles"), "gzip": ask(base(), headers="Content-Encoding: gzip\r\n"), "port 81": ask(base(), target="http://model.cloister.internal:81/v1/messages"), "user": ask(base(), target="http://x@model.cloister.internal/v1/messages"), "other host": ask(base(), target="http://api.anthropic.com/v1/messages", host="api.anthropic.com"),
    "DELETE": ask(b"", "/v1/messages", method="DELETE"), "override": ask(base(), "/v1/models", headers="X-HTTP-Method-Override: POST\r\n"), "not JSON": ask(b"{", "/v1/messages"), "JSON5": ask(b"{'model':1}"), "UTF-16": ask(json.dumps(base()).encode("utf-16")), "empty": ask(b""),
}
keys = {
    "another's": ask(base(), key="x-api-key: sk-ant-somebody\r\n"), "both": ask(base(), headers="x-api-key: sk-ant-somebody\r\n"), "none": ask(base(), key=""), "cut": ask(base(), key=f"Authorization: Bearer {KEY[:-1]}\r\n"), "twice": ask(base(), headers="Authorization: Bearer sk-ant-somebody\r\n", key=f"x-api-key: {KEY}\r\n"),
}
betas = {name: ask(base(), headers=f"anthropic-beta: {value}\r\n") for name, value in {"plain": "files-api-2025-04-14", "letter case": "Files-API-2025-04-14", "upper": "MCP-CLIENT-2025-04-04", "behind": "interleaved-thinking-2025-05-14,Code-Execution-2025-05-22", "made up": "fetch-anything-2099-01-01"}.items()}
betas["in the body"] = ask(base(betas=["files-api-2025-04-14"])); betas["in the body, case"] = ask(base(anthropic_beta=["Files-API-2025-04-14"]))
answers = {group: {name: ask(body) for name, body in bodies.items()} for group, bodies in groups.items()}
answers["twice"] = {name: ask(text.encode()) for name, text in twice.items()}
answers.update(targets=targets, keys=keys, betas=betas)
good = {"plain": ask(base()), "blocks": ask(content({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}})),
    "tool": ask(base(tools=[{"name": "Bash", "description": "d", "input_schema": {"type": "object", "properties": {}}}])),
    "result": ask(base(messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "ok"}]}]}])),
    "system": ask(base(system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}])), "headers": ask(base(), headers="Cookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\nAnthropic-Organization: o\r\nX-Api-Url: https://evil.example\r\n"), "tokens": ask(base(), "/v1/messages/count_tokens"), "beta query": ask(base(), "/v1/messages?beta=true")}
say({"answers": answers, "good": good})
'''
# Bodies as large as the relay takes, and larger ones, at once.
LARGE = ASKING + r'''
import threading
def body(megabytes): return json.dumps(base(messages=[{"role": "user", "content": "x" * (megabytes << 20)}])).encode()
most, more = body(31), body(33)
ends = {}
def one(name, data):
    # One that is refused while it is sent may find its connection closed.
    ends[name] = None
    tried(lambda: ends.update({name: ask(data)[0]}))
alone = ask(body(4))[0]
threads = [threading.Thread(target=one, args=(f"{number}", more if number == 3 else most)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say({"alone": alone, "at once": ends, "afterwards": ask(base())[0]})
'''
UPSTREAM_KEY = f"sk-ant-escape-{TAG}"


class Upstream:
    """
    Stands in for the model's API on the machine's own loopback, where what really arrives can be seen: its name leads there, and
    its certificate is taken by the sessions that are told to (NODE_EXTRA_CA_CERTS of their supervisor). Files of the machine's
    are covered by mounts while it runs, not changed: they are back whatever happens.
    """

    def __init__(self):
        self.seen = []
        self.place = f"/usr/local/share/escape-{TAG}"
        os.makedirs(self.place)
        self.certificate = f"{self.place}/certificate.pem"
        self.key = f"{self.place}/key.pem"
        line = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=api.anthropic.com", "-addext", "subjectAltName=DNS:api.anthropic.com"]
        # A container's image has no openssl: the suite brings a certificate along.
        brought = [f"/escape/relay/{name}.pem" for name in ("certificate", "key")]
        code, _, err = (0, "", "") if CONTAINER else here([*line, "-keyout", self.key, "-out", self.certificate])
        if CONTAINER:
            self.certificate, self.key = brought
        if code != 0:
            raise RuntimeError(f"no certificate: {err[-200:]}")
        self.covered = []
        self.cover("/etc/hosts", read("/etc/hosts", "") + "\n127.0.0.1 api.anthropic.com\n", 0o644)
        self.made_key = not os.path.exists("/run/cloister/model-key")
        if self.made_key:
            write("/run/cloister/model-key", UPSTREAM_KEY, 0o600)
            if CONTAINER:
                os.chown("/run/cloister/model-key", 1000, 1000)
        else:
            self.cover("/run/cloister/model-key", UPSTREAM_KEY, 0o600)
        self.server = self.serve()

    def cover(self, path, text, mode):
        copy = write(f"{self.place}/{os.path.basename(path)}", text, mode)
        # The call, because a container's image has no program for it.
        if ctypes.CDLL(None).mount(copy.encode(), path.encode(), None, 4096, None) != 0:
            raise RuntimeError(f"{path} could not be covered")
        self.covered.append(path)

    def serve(self):
        import http.server
        import ssl
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                seen.append({"method": self.command, "path": self.path, "headers": [(name.lower(), value) for name, value in self.headers.items()], "body": body.decode("utf-8", "replace")})
                text = json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}, "input_tokens": 1}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_POST = do_GET = do_PUT = do_DELETE = do_HEAD = answer

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for path in self.covered:
            ctypes.CDLL(None).umount2(path.encode(), 0)
        if self.made_key:
            os.unlink("/run/cloister/model-key")
        shutil.rmtree(self.place)


# What must not reach the API, wherever it stands in a body.
FORBIDDEN_KEYS = {"url", "file_id", "mcp_servers", "container", "fetch", "server_name", "mcp_server_name", "skills", "betas", "anthropic_beta"}
FORBIDDEN_TYPES = re.compile(r"^(url|file|container_upload|server_tool_use|mcp_.*|web_.*|code_execution.*|fetch_for_me|search_result_by_url|custom2)$", re.I)
FORBIDDEN_BETAS = re.compile(r"files-api|mcp-client|web-fetch|web-search|code-execution|skills|message-batches|fetch-anything", re.I)
HEADERS = {"host", "content-type", "content-length", "x-api-key", "anthropic-version", "anthropic-beta", "accept", "accept-encoding", "user-agent", "connection", "x-app"}


def arrived(seen):
    """What is wrong with what arrived: names given twice, forbidden ones, headers, keys."""
    wrong = {"twice": [], "betas": [], "content": [], "headers": []}

    def pairs(items):
        names = [name for name, _ in items]
        wrong["twice"] += [name for name in set(names) if names.count(name) > 1]
        for name, value in items:
            if name.lower() in FORBIDDEN_KEYS:
                wrong["content"].append(name)
            if name == "type" and isinstance(value, str) and FORBIDDEN_TYPES.match(value):
                wrong["content"].append(f"type {value}")
            if name == "type" and not isinstance(value, str):
                wrong["content"].append(f"type {value!r}")
        return dict(items)
    for request in seen:
        with contextlib.suppress(ValueError):
            json.loads(request["body"], object_pairs_hook=pairs)
        for name, value in request["headers"]:
            if name == "anthropic-beta" and FORBIDDEN_BETAS.search(value):
                wrong["betas"].append(value)
            if name not in HEADERS and not name.startswith("x-stainless-"):
                wrong["headers"].append(name)
            if name == "x-api-key" and value != UPSTREAM_KEY:
                wrong["headers"].append("a key that is not the machine's")
    return {kind: sorted(set(found)) for kind, found in wrong.items()}


# What the relay may do with a request that names something twice, or an unknown field or beta: refuse it, or drop that
# part and pass on what it wrote itself. What arrives at the API decides.
MAY_DROP = {"twice", "betas"}
DROPPED = {("targets", "user"), ("tools", "MCP_SERVERS"), ("tools", "unknown field"), ("sources", "url beside base64"), ("tools", "context_management odd")}


def large():
    """Whether what many large requests take of the supervisor's memory has a bound."""
    upstream = Upstream()
    try:
        process = start(LARGE, agent=True, timeout=240, caller={"NODE_EXTRA_CA_CERTS": upstream.certificate})
        peak, out = 0, []
        reading = threading.Thread(target=lambda: out.append(process.communicate()))
        reading.start()
        while reading.is_alive():
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.1)
    finally:
        upstream.close()
    found = Ran(process.returncode, out[0][0].decode(), out[0][1].decode(), 0).found()
    arrived_ = max((len(request["body"]) for request in upstream.seen), default=0)
    # What is too large is refused while it is still sent: its sender sees the relay's code, the proxy's, or a broken connection.
    refused = found["at once"]["3"] != 200 and arrived_ <= 32 << 20
    attack("relay.large", peak < 900 and found["afterwards"] == 200 and refused, {"MB of the supervisor at most": peak, **found})
    control("relay.large", found["alone"] == 200 and arrived_ > 4 << 20, f"4 MiB alone are passed on: {found['alone']}; the largest that arrived had {arrived_} bytes")


if wanted("relay.large"):
    with checks("relay.large"):
        large()
GROUPS = ["sources", "blocks", "shapes", "twice", "tools", "betas", "targets", "keys"]
with checks(*(f"relay.{group}" for group in GROUPS), "relay.rows", "relay.arrives"):
    upstream = Upstream()
    try:
        ran = session(ASK, agent=True, timeout=200, caller={"NODE_EXTRA_CA_CERTS": upstream.certificate})
        found = ran.found()
    finally:
        upstream.close()
    rows = audit_rows(ran.run["session"])
    good = {name: answer[0] for name, answer in found["good"].items()}
    wrong = arrived(upstream.seen)
    refusals = 0
    for group in GROUPS:
        answers = found["answers"][group]
        passed = {}
        for name, (status, text) in answers.items():
            if status is not None and 400 <= status < 500:
                refusals += 1
            elif group not in MAY_DROP and (group, name) not in DROPPED:
                passed[name] = [status, text[:60]]
        got = wrong.get(group, [])
        attack(f"relay.{group}", not passed and not got, {"passed on": passed, "arrived": got, "answers": sorted({status for status, _ in answers.values()}, key=str)})
        control(f"relay.{group}", set(good.values()) == {200} and len(upstream.seen) >= len(good), f"what an agent asks arrives, and is answered: {good}")
    attack("relay.arrives", not wrong["content"] and not wrong["headers"], {"requests": len(upstream.seen), "forbidden": wrong["content"], "headers": wrong["headers"]})
    keys = {value for request in upstream.seen for name, value in request["headers"] if name == "x-api-key"}
    control("relay.arrives", UPSTREAM_KEY in keys and any('"hello"' in request["body"] for request in upstream.seen), f"requests with the machine's key arrive: {len(upstream.seen)}")
    denied = [row for row in rows if row.get("verdict") == "denied"]
    counted = sum(stood_for(row) for row in denied)
    attack("relay.rows", counted >= refusals, {"refusals": refusals, "denied rows": counted, "rows": len(rows)})
    allowed = [row for row in rows if row.get("verdict") == "allowed"]
    control("relay.rows", len(allowed) >= len(good), f"rows of what was allowed: {len(allowed)}")
