/**
 * Every failure that a person or a program may have to tell from others, on both sides: a stable code, its cause and
 * its remedy. Messages end with the code, and `docs/errors.md` is made of this table. A code is never given another
 * meaning.
 */

/** One kind of failure. */
interface ErrorDoc {
  /** The event, and its cause. */
  readonly cause: string;
  /** The action that helps. */
  readonly remedy: string;
}

export const ERRORS = {
  // The command line and the request.
  CLOISTER_E_USAGE: {
    cause: "The command line cannot be carried out: options that exclude each other, a missing word.",
    remedy: "Write what the message says; `cloister COMMAND --help` lists the options.",
  },
  CLOISTER_E_COMMAND: {
    cause: "There is no command to run, or it holds a NUL character.",
    remedy: "Write the program and its arguments after `--`.",
  },
  CLOISTER_E_ALLOW: {
    cause: "An entry of `--allow` is neither a host nor a group of hosts.",
    remedy: "Write `HOST`, `HOST:PORT`, `*.HOST`, `[IPv6 address]` or a group ([the list](egress-groups.md)).",
  },
  CLOISTER_E_ALLOW_NEVER: {
    cause: "An entry of `--allow` names the machine itself, its networks or its metadata service.",
    remedy: "Leave it out: no session can reach these. Reach the service by a public name.",
  },
  CLOISTER_E_MOUNT: {
    cause: "A folder cannot be shown to the session: it is written wrongly, is not there, or belongs to the machine.",
    remedy: "Write `DIR:NAME:MODE` with a folder of the machine, best one below `/sessions/folders`.",
  },
  CLOISTER_E_NAME: {
    cause: "This cannot be a session's name.",
    remedy: "Use at most 32 lower-case letters and digits, with single `-` between them, beginning with a letter.",
  },
  CLOISTER_E_ENV: {
    cause: "A variable of `--env` has no proper name, no value, or holds a NUL character.",
    remedy: "Write `NAME=VALUE`, or `NAME` for a variable that the caller has.",
  },
  CLOISTER_E_CWD: {
    cause: "The working directory of `--cwd` cannot be one.",
    remedy: "Write a path inside the session: absolute, or relative to its home.",
  },
  CLOISTER_E_TIMEOUT: {
    cause: "The time limit is no number above 0.",
    remedy: "Write seconds, such as `--timeout 90`.",
  },
  CLOISTER_E_LIMIT: {
    cause: "A limit of a session is no whole number above 0, or more than sessions have there.",
    remedy: "Write at most what the message says, or leave it out.",
  },
  CLOISTER_E_MODEL: {
    cause: "This cannot be a model's name.",
    remedy: "Write it as the model's API has it, with `--model` or in the policy file.",
  },
  CLOISTER_E_POLICY: {
    cause: "A policy file has unknown keys or wrong values, or cannot be read.",
    remedy:
      "Mend what stands at the line and the column ([the format](policy.md)); `cloister policy check FILE` looks again.",
  },
  CLOISTER_E_REQUEST: {
    cause: "A program asked for a session with values of a wrong type, or with names that are not known.",
    remedy: "Write the request as `SealedRun` has it (guest/run/request.ts).",
  },
  CLOISTER_E_PROMPT: {
    cause: "The prompt for the agent is empty or several words, or `--continue` has nothing to go on with.",
    remedy: "Write it as one word, in quotes; `--continue` needs the session's `--name`.",
  },
  CLOISTER_E_KEY: {
    cause: "What was given is no key for the model's API.",
    remedy: "Give 8 to 512 printable characters without spaces, by standard input or when it is asked for.",
  },
  CLOISTER_E_KEY_ELSEWHERE: {
    cause: "The machine takes the model's key from a secret of AWS; one that is set on it would be replaced.",
    remedy: "Use `cloister --stack NAME key set`, which writes the secret.",
  },

  // The machine.
  CLOISTER_E_BOOTING: {
    cause: "The machine boots: its verification is not over yet.",
    remedy:
      "Wait; all commands of the operator but `ls` and `shell` do. If it takes minutes, look at `cloister-verify` on the machine.",
  },
  CLOISTER_E_BOOT_FAILED: {
    cause: "A step of the machine's boot failed. The message says which.",
    remedy: "Mend that, then start the machine again.",
  },
  CLOISTER_E_VERIFICATION_UNFINISHED: {
    cause: "The verification of this boot ended without a report.",
    remedy: "Mend what the message says, then `sudo systemctl restart cloister-verify` on the machine.",
  },
  CLOISTER_E_NOT_VERIFIED: {
    cause: "The verification found that a promise is not kept.",
    remedy: "Mend what `cloister verify` lists, then `sudo systemctl restart cloister-verify` on the machine.",
  },
  CLOISTER_E_LOGS: {
    cause: "The stack wants logs to be shipped (`cloister:logsRequired`), and they are not.",
    remedy: "Look at `journalctl -u cloister-logs` on the machine.",
  },
  CLOISTER_E_STOPPING: {
    cause: "The machine is about to stop and takes no new commands.",
    remedy: "Run it on another machine.",
  },
  CLOISTER_E_MACHINE: {
    cause: "The machine lacks what a session needs: root, systemd, a program, the runtime image, its description.",
    remedy: "Do what the message says; on a machine of this program, start it again.",
  },

  // Sessions.
  CLOISTER_E_SESSION_IN_USE: {
    cause: "Another command runs in the session of this name; a session runs one at a time.",
    remedy: "Wait until it has ended, or choose another name. `cloister sessions ls` shows who has it.",
  },
  CLOISTER_E_SESSION_UNKNOWN: {
    cause: "There is no session of this name.",
    remedy: "`cloister sessions ls` lists those that are kept.",
  },
  CLOISTER_E_SESSION_NAME_TAKEN: {
    cause: "A user or a folder of the machine that is no session's has this name.",
    remedy: "Choose another name.",
  },
  CLOISTER_E_SESSION_STOPPED: {
    cause: "The session was stopped before its command began.",
    remedy: "Run it again.",
  },
  CLOISTER_E_SESSION_FAILED: {
    cause: "The session could not be made or removed, though the request was right.",
    remedy: "The message has the machine's own words; what was made is removed again, or listed by `cloister verify`.",
  },

  // The operator's side.
  CLOISTER_E_NO_STACK: {
    cause: "No stack was named, or there is none of this name in the backend.",
    remedy: "Write `--stack NAME` or set `CLOISTER_STACK`; `PULUMI_BACKEND_URL` finds a stack elsewhere.",
  },
  CLOISTER_E_STACK_DOWN: {
    cause: "The stack is not up, half up, or was brought up by another version.",
    remedy: "Bring it up: `npm run -s pulumi -- up --stack NAME`.",
  },
  CLOISTER_E_NO_MACHINE: {
    cause: "The stack has no machine, or none of this name.",
    remedy: "`cloister ls` lists the machines.",
  },
  CLOISTER_E_WHICH_MACHINE: {
    cause: "The stack has several machines and none was named.",
    remedy: "Write `--machine NAME`.",
  },
  CLOISTER_E_NOT_RUNNING: {
    cause: "The machine does not run.",
    remedy: "Start it as the message says.",
  },
  CLOISTER_E_BOOT_TIMEOUT: {
    cause: "The machine still boots after the time that a boot may take.",
    remedy: "Look at its console; `npm start` or `pulumi up` say what became of the boot.",
  },
  CLOISTER_E_UNREACHABLE: {
    cause: "The machine could not be reached, or has no python3 or sudo for the operator.",
    remedy: "The message has the connection's own words; see docs/operating.md, When a machine does not answer.",
  },
  CLOISTER_E_LOST: {
    cause: "The connection was lost before the command ended. What it started is being ended.",
    remedy: "Run it again.",
  },
  CLOISTER_E_OUTPUT_LOST: {
    cause: "Bytes of the command's output were lost on the way.",
    remedy: "Run it again; the message has the command's exit code.",
  },
  CLOISTER_E_NO_REPORT: {
    cause: "The machine gave no report of its verification, or one of another version.",
    remedy: "Look at what it said; bring the stack up again where the version differs.",
  },
  CLOISTER_E_PROGRAM_MISSING: {
    cause: "A program that leads to the machine is missing on this computer: ssh, or AWS's session-manager-plugin.",
    remedy: "Install it as the message says.",
  },
  CLOISTER_E_COPY_SOURCE: {
    cause: "There is nothing of this name on this computer to be copied.",
    remedy: "Write the path of a file or a folder that is there.",
  },
  CLOISTER_E_COPY_PLACE: {
    cause: "The folder on this computer into which the copy shall go is not there.",
    remedy: "Make the folder first, or name another one.",
  },
  CLOISTER_E_COPY_REFUSED: {
    cause: "One side could not read or write: nothing of this name, no right to it, no room, or a link in the way.",
    remedy: "Mend what the message names. `--root` reads and writes as root on the machine.",
  },
  CLOISTER_E_COPY_CUT: {
    cause: "The copy was cut off before its end. Files that have arrived are complete.",
    remedy: "Repeat it.",
  },
  CLOISTER_E_COPY_FAILED: {
    cause: "A program of the copy ended with words that are not its own, or without any.",
    remedy: "The message has them; `cloister doctor` looks for a cause.",
  },
  CLOISTER_E_SYNC_RUNS: {
    cause: "Another sync of the same folder and machine runs on this computer.",
    remedy: "Wait for its end.",
  },
  CLOISTER_E_SYNC_LIST: {
    cause: "The list of one side's files was cut off or damaged. Nothing was changed.",
    remedy: "Sync again.",
  },
  CLOISTER_E_SYNC_SIZE: {
    cause: "The folder on the machine has more changes than one sync brings back.",
    remedy: "Exclude some of it with `--exclude` or in `.cloisterignore`, or delete it there.",
  },
  CLOISTER_E_SYNC_CONFLICT: {
    cause: "Files have changed both in the folder and in its copy on the machine, so `--here` did not run.",
    remedy: "Settle them with `cloister sync DIR --prefer here` or `--prefer machine`, then run it again.",
  },
  CLOISTER_E_PORT_HERE: {
    cause: "The port of this computer that shall lead to a session is taken, or may not be used.",
    remedy: "Name another one: `cloister forward SESSION PORT:LOCAL`; LOCAL 0 is any.",
  },
  CLOISTER_E_NO_AUDIT: {
    cause: "The folder has no audit log of a container.",
    remedy: "Name the folder that `npm run container -- run --audit DIR` named.",
  },
  CLOISTER_E_AWS: {
    cause: "AWS refused a call, or could not be asked.",
    remedy: "Sign in again, or get the rights that docs/operating.md lists.",
  },
  CLOISTER_E_FAILED: {
    cause: "The operation failed for a reason that the message tells, such as a file that is not there.",
    remedy: "Do what the message says.",
  },
  CLOISTER_E_INTERNAL: {
    cause: "A mistake in cloister itself.",
    remedy: "Report it with the whole message.",
  },
} as const satisfies Readonly<Record<string, ErrorDoc>>;

export type ErrorCode = keyof typeof ERRORS;

/** The code of a thrown value. A value without a code is a mistake of ours, and gets the code for that. */
export function codeOf(error: unknown): ErrorCode {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" && code in ERRORS ? (code as ErrorCode) : "CLOISTER_E_INTERNAL";
}

/** A message for people: the code stands at the end of its first line. */
export function withCode(message: string, code: ErrorCode): string {
  const [first = "", ...more] = message.split("\n");
  return [`${first} [${code}]`, ...more].join("\n");
}

/** The codes, in the table's order. */
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];
