import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Store, sha256 } from "../../../lib/store.ts";
import { findGo } from "../../../toolchain/go-build.ts";

const MODULE = fileURLToPath(new URL("./gateway/", import.meta.url));
const PLUGIN = "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main";

/**
 * AWS's own session-manager-plugin, built from its published Go module, and the gateway that stands in for what it talks to
 * (`gateway/main.go`). Built once, in about a minute. Returns the folder of both; nothing where there is no Go.
 */
export async function ensureRealPlugin(): Promise<string | undefined> {
  const go = await findGo();
  if (!go) return undefined;
  const files = await Promise.all(["go.mod", "go.sum", "main.go"].map((file) => readFile(join(MODULE, file), "utf8")));
  const entry = await new Store().entry(
    "session-plugin",
    sha256(JSON.stringify([files, process.platform, process.arch])),
    async (folder) => {
      const build = async (name: string, pack: string) =>
        await execa(go, ["build", "-trimpath", "-ldflags=-s -w", "-o", join(folder, name), pack], {
          cwd: MODULE,
          env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" },
        });
      await build("gateway", ".");
      await build("session-manager-plugin", PLUGIN);
    },
    { deep: false },
  );
  return entry.path;
}

/** A gateway that runs. */
export interface Gateway {
  /** Address of a session's stream, for the answer to StartSession. */
  readonly streamUrl: string;
  stop(): Promise<void>;
}

export async function startGateway(folder: string, env: NodeJS.ProcessEnv): Promise<Gateway> {
  const child = spawn(join(folder, "gateway"), { stdio: ["ignore", "pipe", "inherit"], env });
  const ended = once(child, "exit");
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    streamUrl: `ws://127.0.0.1:${port}/v1/data-channel/session?role=publish_subscribe`,
    async stop() {
      child.kill();
      await ended;
    },
  };
}
