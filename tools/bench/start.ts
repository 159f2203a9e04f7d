import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { livingProcess } from "../../infra/local/host/living.ts";
import { pathsOf } from "../../infra/local/paths.ts";
import { REPOSITORY } from "../../rehearsal/project-copy.ts";
import type { Figure } from "./figure.ts";
import { seconds, spread } from "./statistics.ts";

/**
 * `npm start` in a fresh clone: first with empty caches (with `cold`) or full ones, then with the machine up, then with the
 * machine down. System packages are installed already and are not part of it.
 */
export async function startFigures(cold: boolean, report: (line: string) => void): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "cloister-bench-"));
  const clone = join(folder, "clone");
  await execa("git", ["clone", "-q", REPOSITORY, clone]);
  const caches = join(folder, "caches");
  const emptyCaches = {
    CLOISTER_CACHE_DIR: join(caches, "cloister"),
    GOCACHE: join(caches, "go-build"),
    GOMODCACHE: join(caches, "go-mod"),
    GOFLAGS: "-modcacherw",
    npm_config_cache: join(caches, "npm"),
  };
  const env = cold ? emptyCaches : {};
  const start = async (what: string): Promise<number> => {
    const time = await seconds(() => execa("npm", ["start"], { cwd: clone, env, stdin: "ignore" }));
    report(`${what}: ${time.toFixed(0)} s`);
    return time;
  };
  try {
    const first = await start(cold ? "first start, empty caches" : "first start of a clone, full caches");
    const again = await start("second start, the machine up");
    const machine = livingProcess(pathsOf(clone, "local"));
    if (machine) process.kill(machine.pid, "SIGKILL");
    const down = await start("start after the machine was killed");
    const one = (what: string, time: number, bound?: number): Figure => ({
      what,
      measured: spread([time]),
      unit: "s",
      ...(bound === undefined ? {} : { bound }),
    });
    return [
      one(
        `first \`npm start\` of a clone, ${cold ? "all caches empty, closed network" : "caches full"}`,
        first,
        cold ? 480 : undefined,
      ),
      one("second `npm start`, the machine up", again, 15),
      one("`npm start`, the machine down", down, 60),
    ];
  } finally {
    await execa("npm", ["run", "down"], { cwd: clone, env, stdin: "ignore", reject: false });
    await rm(folder, { recursive: true, force: true });
  }
}
