import { MODEL_HOST } from "../../agent/relay.ts";
import { RUNTIME_ROOT } from "../../sandbox/paths.ts";

/** The program that reports what can be reached from where it runs. */
export const PROBE = `${RUNTIME_ROOT}/bin/probe`;

/** The URL that a session may ask for. */
export const ALLOWED_URL = `http://${MODEL_HOST}/`;

export const NEIGHBOUR_PORT = 8765;
/** An argument of one of the neighbour's processes. */
export const NEIGHBOUR_MARK = "cloister-verification-neighbour";

/** A command that runs one of these scripts with arguments. */
export function script(text: string, ...args: string[]): string[] {
  return ["bash", "--norc", "--noprofile", "-c", text, "bash", ...args];
}

/**
 * Waits without starting processes: descriptor 9 is a pipe that nobody writes to, so `read` waits out its time.
 * The probe is given absolute paths, which only this script can know.
 */
const WAIT = `set -eE
trap 'echo "line $LINENO ended with $?: $BASH_COMMAND" >&2' ERR
exec 9<> <(:)
wait_for() { until [ -e "$1" ]; do read -rt 0.1 -u 9 || :; done; }
`;

/**
 * The script of the session that is looked at: it prints the probe's report, its home's mode and owner, and the result
 * of a request with the neighbour's token.
 */
export const SUBJECT_SCRIPT = `${WAIT}
printf 'begun\\nend\\n' > "$HOME/mnt/rw/begun"
wait_for "$HOME/mnt/ro/go"
read -r other < "$HOME/mnt/ro/go"
${PROBE} "\${@//=mnt\\//=$HOME/mnt/}"
stat -c '%a %u' "$HOME"
HTTP_PROXY=$other ${PROBE} http=${ALLOWED_URL}
`;

/** Listens until it is killed. socat cannot be used: it needs AF_UNIX. Perl is in every Debian and Ubuntu (perl-base). */
const LISTENER = [
  "use Socket",
  "socket(S, PF_INET, SOCK_STREAM, 0) or die",
  `bind(S, pack_sockaddr_in(${NEIGHBOUR_PORT}, INADDR_LOOPBACK)) or die`,
  "listen(S, 5) or die",
  "sleep",
].join("; ");

/**
 * The script of the neighbour: it makes everything that the other session must not see, and tells whether it can be
 * seen from here. These answers are the controls.
 */
export const NEIGHBOUR_SCRIPT = `${WAIT}
perl -e '${LISTENER}' ${NEIGHBOUR_MARK} &
# An empty file needs no room: it can be made on a full session disk too.
: > "$HOME/kept"
echo kept > /tmp/kept
echo kept > /dev/shm/kept
ipcmk -M 64 > /dev/null
mapfile -t objects < /proc/sysvipc/shm
port=0
for try in {1..100}; do
  if { exec 8<> /dev/tcp/127.0.0.1/${NEIGHBOUR_PORT}; } 2> /dev/null; then port=1; break; fi
  read -rt 0.1 -u 9 || :
done
file=0 tmp=0 shm=0 ipc=0
if [ -r "$HOME/kept" ]; then file=1; fi
if [ -r /tmp/kept ]; then tmp=1; fi
if [ -r /dev/shm/kept ]; then shm=1; fi
if [ "\${#objects[@]}" -gt 1 ]; then ipc=1; fi
printf '%s\\n' "$HTTP_PROXY" $file $tmp $shm $ipc $port end > "$HOME/mnt/talk/ready"
wait_for "$HOME/mnt/talk/done"
`;
