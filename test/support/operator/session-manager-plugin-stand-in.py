#!/usr/bin/env python3
# Stands in for AWS's session-manager-plugin, and for SSM's agent behind it, in tests of the operator's command. It takes the
# plugin's arguments and runs the session's command on this computer, on a terminal as the agent does. It differs: there is
# no network and no message in between, the command comes in the session's token, and the agent's second of waiting is left
# out. What it keeps of both: their lines on standard output, input in parts of 1024 bytes of which a lone end of line becomes
# a carriage return, output that must be UTF-8, and the end of everything when there is no more input.
import codecs
import json
import os
import pty
import signal
import sys
import threading

if sys.argv[1:] == ["--version"]:
    print(os.environ.get("CLOISTER_TEST_PLUGIN_VERSION", "1.2.764.0"))
    sys.exit(0)
response, region, operation, profile, request, endpoint = sys.argv[1:]
session = json.loads(os.environ.pop(response) if response == "AWS_SSM_START_SESSION_RESPONSE" else response)
request = json.loads(request)
assert operation == "StartSession" and request["Target"] and region and endpoint
# The stand-in of the API puts the command there.
command = bytes.fromhex(session["TokenValue"]).decode()


def show(text):
    data = text.encode()
    while data:
        data = data[os.write(1, data) :]


show("\nStarting session with SessionId: %s\n" % session["SessionId"])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", command])
signal.signal(signal.SIGTERM, lambda *_: (os.close(terminal), os._exit(0)))


def take_input():
    while data := os.read(0, 1024):
        os.write(terminal, b"\r" if data == b"\n" else data)
    show("Cannot perform start session: EOF\n")
    os._exit(0)


# As in both programs, one direction does not wait for the other.
threading.Thread(target=take_input, daemon=True).start()
text = codecs.getincrementaldecoder("utf-8")("replace")
while True:
    try:
        data = os.read(terminal, 1024)
    except OSError:
        data = b""
    if not data:
        break
    show(text.decode(data))
show("\n\nExiting session with sessionId: %s.\n\n" % session["SessionId"])
