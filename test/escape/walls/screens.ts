import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attack, Control, Wall } from "../check.ts";
import { type ExperimentWall, experimentWall, type Results } from "../experiment.ts";
import type { Finished, Machine } from "../support/machine.ts";

/** The operator's terminal obeys escapes: titles, clipboards, answers that it types itself. A session's words are none. */

/** Run inside a session: orders to a terminal on both outputs, and in what it asks the proxy for. */
const SAY = `
import base64, os, socket, sys, urllib.parse
orders = "\\x1b]0;title\\x07\\x1b]52;c;ZXZpbA==\\x07\\x1b[2J\\x1b[6n\\x1bc\\x1bP+q544e\\x1b\\\\\\x9b6n\\u202eback"
url = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
token = base64.b64encode(f"{url.username}:{url.password}".encode())
# What is no request is a row too, without a host: the second is one.
for path in (orders.encode(), b"plain"):
    s = socket.create_connection(("127.0.0.1", 3128), 30); s.settimeout(10)
    s.sendall(b"GET http://" + sys.argv[1].encode() + b"/" + path + b" HTTP/1.1\\r\\nHost: x\\r\\nProxy-Authorization: Basic " + token + b"\\r\\nConnection: close\\r\\n\\r\\n")
    try:
        while s.recv(65536): pass
    except OSError: pass
print(orders + "of the session"); print(orders, file=sys.stderr)
`;

const CHECKS: ExperimentWall["checks"] = [
  { id: "run", what: "Orders to a terminal in both outputs of a session, shown by `run` without --tty." },
  { id: "logs", slow: true, what: "The same in the output of a detached run, shown by `logs`." },
  { id: "audit", slow: true, what: "The same in what a session asks the proxy for, shown by `audit`." },
  { id: "sessions", slow: true, what: "The list of sessions, one of which has said all of it." },
];

/** The operator's screen. */
export const screens: Wall = experimentWall({
  name: "screens",
  keeps: "A session's words steer no terminal of the operator's.",
  source: "terminals",
  checks: CHECKS,
  make,
});

async function make(machine: Machine): Promise<Results> {
  const letters = Array.from({ length: 8 }, () => "abcdefghijklmnop"[randomInt(16)]).join("");
  const name = `says-${letters}`;
  try {
    return await look(machine, name, `${letters}.example`);
  } finally {
    await machine.root(["cloister", "sessions", "rm", name]);
  }
}

async function look(machine: Machine, name: string, host: string): Promise<Results> {
  const command = ["--", "/usr/bin/python3", "-c", SAY, host];
  const begun = await machine.root(["cloister", "run", "--detach", "--name", name, ...command]);
  if (begun.exitCode !== 0) throw new Error(`the session did not start: ${begun.stderr}`);
  const shown = async (...args: string[]): Promise<Finished> => await machine.operator(args, { terminal: true });
  const run = await shown("run", ...command);
  let bytes = "";
  for (let tries = 0; tries < 60 && !bytes.includes("of the session"); tries++) {
    bytes = (await machine.operator(["logs", name])).stdout;
    if (tries > 0) await sleep(1_000);
  }
  const outcome: Record<string, { attack: Attack; control: Control }> = {};
  const note = (id: string, { exitCode, stdout }: Finished, has: string) => {
    const orders = ordersIn(stdout);
    const raw = ordersIn(bytes);
    outcome[id] = {
      attack: { held: orders.length === 0, saw: `orders to the terminal: ${orders.join(" ") || "none"}` },
      control: {
        works: exitCode === 0 && stdout.includes(has) && raw.length > 5,
        saw: `exit code ${exitCode}; it shows ${has}: ${stdout.includes(has)}; a program gets ${raw.length} orders as they are`,
      },
    };
  };
  note("run", run, "of the session");
  if (machine.scale.quick) return outcome;
  note("logs", await shown("logs", name), "of the session");
  note("audit", await shown("audit", "--session", name), host);
  note("sessions", await shown("sessions", "ls"), name);
  return outcome;
}

/** Colours, "erase the rest of this line", and the ways back on one line, which are left to progress bars. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
const HARMLESS = /\x1b\[[0-9;:]*[mK]|[\b\t\r\n]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
const ORDERS = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069][ -~]{0,4}/gu;

function ordersIn(text: string): string[] {
  return (text.replace(HARMLESS, "").match(ORDERS) ?? []).map((order) => JSON.stringify(order));
}
