ASK = r'''
import base64, urllib.parse
url = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
BASIC = "Proxy-Authorization: Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode() + "\r\n"
KEY = os.environ["ANTHROPIC_AUTH_TOKEN"]
def ask(body, path="/v1/messages", headers="", method="POST", key=None, host="model.cloister.internal", target=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    key = f"Authorization: Bearer {KEY}\r\n" if key is None else key
    s = socket.create_connection(("127.0.0.1", 3128), 30); s.settimeout(30)
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
    "system": ask(base(system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}])), "tokens": ask(base(), "/v1/messages/count_tokens"), "beta query": ask(base(), "/v1/messages?beta=true")}
say({"answers": answers, "good": good})
'''
# What the relay may do with a request that names something twice, or an unknown field or beta: refuse it, or drop that
# part and pass on what it wrote itself. That what is passed on is written anew is for the relay's own tests, which see it.
MAY_DROP = {"twice", "betas"}
DROPPED = {("tools", "MCP_SERVERS"), ("tools", "unknown field"), ("sources", "url beside base64"), ("tools", "context_management odd")}

GROUPS = ["sources", "blocks", "shapes", "twice", "tools", "betas", "targets", "keys"]
with checks(*(f"relay.{group}" for group in GROUPS), "relay.rows"):
    ran = session(ASK, agent=True, timeout=200)
    found = ran.found()
    rows = audit_rows(ran.run["session"])
    good = {name: answer[0] for name, answer in found["good"].items()}
    refusals = 0
    for group in GROUPS:
        answers = found["answers"][group]
        passed = {}
        for name, (status, text) in answers.items():
            if status is not None and 400 <= status < 500:
                refusals += 1
            elif group not in MAY_DROP and (group, name) not in DROPPED:
                passed[name] = [status, text[:60]]
        if group in MAY_DROP:
            # What a name that is given twice means is decided by one reader: here it is enough that it is never an error of
            # the upstream's, which would show that the bytes went on as they came.
            passed = {name: [status, text[:60]] for name, (status, text) in answers.items() if status not in (200, 400, 403)}
        # A demo model answers here: what it is asked is what a real one would be asked.
        attack(f"relay.{group}", not passed, {"passed on": passed, "answers": sorted({status for status, _ in answers.values()}, key=str)})
        control(f"relay.{group}", set(good.values()) == {200}, f"what an agent asks is answered: {good}")
    denied = [row for row in rows if row.get("verdict") == "denied"]
    counted = sum(stood_for(row) for row in denied)
    attack("relay.rows", counted >= refusals, {"refusals": refusals, "denied rows": counted, "rows": len(rows)})
    allowed = [row for row in rows if row.get("verdict") == "allowed"]
    control("relay.rows", len(allowed) >= len(good), f"rows of what was allowed: {len(allowed)}")
