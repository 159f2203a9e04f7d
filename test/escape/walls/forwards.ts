import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attack, Control, Wall } from "../check.ts";
import { type ExperimentWall, experimentWall, type Results } from "../experiment.ts";
import type { Machine } from "../support/machine.ts";

/** `cloister forward` leads into one session's loopback by the machine's program `dial`, and nowhere else. */

/** Says a word to whoever connects to 127.0.0.1 of the session it runs in. */
const SERVE = `
import socket, sys
served = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("serving", flush=True)
while True:
    one, _ = served.accept(); one.sendall(sys.argv[2].encode()); one.close()
`;

/** The same on all addresses of the machine; it ends by itself. */
const SERVE_ALL = `
import socket, sys
served = socket.create_server(("0.0.0.0", int(sys.argv[1]))); served.settimeout(600)
while True:
    one, _ = served.accept(); one.sendall(sys.argv[2].encode()); one.close()
`;

const CHECKS: ExperimentWall["checks"] = [
  { id: "other-session", what: "The same port of two sessions, which one of them serves: the other one's is refused." },
  { id: "machine", what: "A port that the machine itself serves on all its addresses is asked for in a session." },
  { id: "outwards", what: "A session that is forwarded tries to reach the machine's port on every address." },
  { id: "names", what: "Names that are no session's: paths, options, other units of the machine." },
];

/** Forwards. */
export const forwards: Wall = experimentWall({
  name: "forwards",
  keeps: "A forwarded port reaches the loopback of its own session only, and gives the session no way out.",
  source: "16",
  checks: CHECKS,
  make,
});

async function make(machine: Machine): Promise<Results> {
  const letters = Array.from({ length: 8 }, () => "abcdefghijklmnop"[randomInt(16)]).join("");
  const [serving, other] = [`serves-${letters}`, `other-${letters}`];
  const [port, own] = [20_000 + randomInt(5_000), 26_000 + randomInt(5_000)];
  const unit = `cloister-escape-${letters}`;
  try {
    const serve = async (name: string, number: number, word: string) => {
      const words = ["/usr/bin/python3", "-c", SERVE, `${number}`, word];
      const { exitCode, stderr } = await machine.root(["cloister", "run", "--detach", "--name", name, "--", ...words]);
      if (exitCode !== 0) throw new Error(`the session ${name} did not start: ${stderr}`);
    };
    await Promise.all([
      serve(serving, port, "of the session"),
      serve(other, port + 1, "of the other one"),
      machine.root([
        ...["systemd-run", "--quiet", `--unit=${unit}`],
        ...["python3", "-c", SERVE_ALL, `${own}`, "of the machine"],
      ]),
    ]);
    return await look(machine, { serving, other, port, own });
  } finally {
    await machine.root(["systemctl", "stop", unit]);
    await machine.root(["cloister", "sessions", "stop", serving, other]);
    await machine.root(["cloister", "sessions", "rm", serving, other]);
  }
}

async function look(
  machine: Machine,
  { serving, other, port, own }: { serving: string; other: string; port: number; own: number },
): Promise<Results> {
  const dial = async (...words: string[]) =>
    await machine.root(["timeout", "60", "/opt/cloister/bin/dial", ...words], { timeoutMs: 120_000 });
  const heard = async (session: string, number: number, wanted = ""): Promise<string> => {
    for (let tries = 0; ; tries++) {
      const { stdout, stderr } = await dial(session, `${number}`);
      if (stdout === wanted || wanted === "" || tries >= 30 * machine.scale.slowness) return stdout || stderr.trim();
      await sleep(1_000);
    }
  };
  const theirs = await heard(serving, port, "of the session");
  const others = await heard(other, port + 1, "of the other one");
  const [cross, across, asked, reached] = await Promise.all([
    heard(serving, port + 1),
    heard(other, port),
    heard(serving, own),
    machine.root(["bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${own} && cat <&3`]),
  ]);
  const answered = theirs === "of the session" && others === "of the other one";
  const control: Control = { works: answered, saw: `their own ports say ${theirs}, ${others}` };
  const refused = (text: string) => /refused/.test(text);
  const outcome: Record<string, { attack: Attack; control: Control }> = {
    "other-session": {
      attack: { held: refused(cross) && refused(across), saw: `${cross}; ${across}` },
      control,
    },
  };
  const served: Control = {
    works: answered && reached.stdout === "of the machine",
    saw: `${control.saw}; root on the machine hears ${reached.stdout || reached.stderr}`,
  };
  outcome["machine"] = { attack: { held: refused(asked), saw: asked }, control: served };

  const addresses = (await machine.root(["hostname", "-I"])).stdout.trim().split(/\s+/);
  const way = `for a in 127.0.0.1 ${addresses.join(" ")} 10.0.2.2; do timeout 5 bash -c "exec 3<>/dev/tcp/$a/${own} && cat <&3" 2>/dev/null; done; echo end`;
  const tried = await machine.sealed([], ["bash", "-c", way]);
  outcome["outwards"] = {
    attack: { held: tried.run?.stdout === "end\n", saw: tried.run?.stdout ?? tried.stderr },
    control: served,
  };

  const wrong = ["../../system.slice/ssh.service", "-h", "", `${serving}/..`, "ssh", `${serving}.scope`];
  const ends = await Promise.all(wrong.map(async (name) => ({ name, ...(await dial(name, `${own}`)) })));
  const said = ends.flatMap(({ name, exitCode, stdout }) => (exitCode === 0 || stdout !== "" ? [name] : []));
  outcome["names"] = {
    attack: { held: said.length === 0, saw: `taken: ${said.join(", ") || "none"}` },
    control: served,
  };
  return outcome;
}
