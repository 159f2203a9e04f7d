# The ordinary user of positive controls in a container: in its namespaces, and under none of the engine's filters and limits, which would
# refuse the control's calls too. This computer's root starts it there with nsenter(1), and it serves root of the container alone.
import json
import os
import socket
import subprocess
import sys
import threading

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o600)
server.listen(8)
print("ready", flush=True)


def serve(client):
    with client:
        asked = json.loads(client.makefile().readline())
        ran = subprocess.run(asked["line"], capture_output=True, timeout=asked["seconds"], stdin=subprocess.DEVNULL, cwd="/")
        out = [text.decode("utf-8", "replace") for text in (ran.stdout, ran.stderr)]
        client.sendall(json.dumps([ran.returncode, *out]).encode())


while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
