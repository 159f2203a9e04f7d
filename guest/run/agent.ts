import { writeFile } from "node:fs/promises";
import { AgentSettings } from "../../contract/machine.ts";
import { DEMO_NOTICE, startDemoModel } from "../agent/demo-model.ts";
import { isEmulated } from "../agent/emulated.ts";
import { KEY_REFUSED, readKey } from "../agent/model-key.ts";
import { ANTHROPIC_API, MODEL_HOST, makeToken, startRelay, type Upstream } from "../agent/relay.ts";
import { agentEnvironment, agentFiles } from "../agent/settings.ts";
import { auditRow, type EgressDecision } from "../egress/decision.ts";
import type { InternalHost } from "../egress/proxy.ts";
import type { SessionPaths } from "../sessions/state.ts";

/** The address at which a session finds its model. */
const MODEL_ADDRESS = { host: MODEL_HOST, port: 80 } as const;

/** The model beside a session. */
export interface Model {
  readonly internal: InternalHost;
  /** Variables for the session. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files for the folder that the session can read and not write, by name: see `guest/bin/claude`. */
  readonly files: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Starts the relay of one session, and the scripted demo model behind it when this machine has no key.
 *
 * @param notice called when the demo answers: a stand-in must not be taken for the model
 */
export async function startModel(options: {
  readonly session: string;
  readonly paths: SessionPaths;
  readonly settings: AgentSettings | undefined;
  readonly notice: (line: string) => void;
  /** Called with every decision of the relay, as it is made. */
  readonly onDecision: (decision: EgressDecision) => void;
}): Promise<Model> {
  const { session, paths, notice, onDecision, settings = AgentSettings.parse({}) } = options;
  const key = await readKey();
  const demo = key === "" ? await startDemoModel({ socketPath: paths.demo }) : undefined;
  if (demo !== undefined) notice(DEMO_NOTICE);
  const upstream: Upstream =
    demo === undefined ? ANTHROPIC_API : { origin: `http://${MODEL_HOST}`, socketPath: demo.socketPath };
  const token = makeToken();
  const emulated = process.arch === "arm64" && (await isEmulated());
  const relay = await startRelay({
    socketPath: paths.relay,
    token,
    upstream,
    onDecision: (decision) => onDecision(auditRow({ session, ...MODEL_ADDRESS, via: "model", ...decision })),
    // The key may be replaced while the session runs. If the file is removed, keep sending the old key; the API will
    // refuse it.
    ...(key === "" ? {} : { key: async () => (await readKey()) || key }),
    onKeyRefused: () => {
      writeFile(KEY_REFUSED, "", { mode: 0o600 }).catch(() => {});
    },
  });
  return {
    internal: { ...MODEL_ADDRESS, socketPath: relay.socketPath, writesRows: true },
    environment: agentEnvironment({ settings, token, home: paths.home, emulated }),
    files: agentFiles(settings),
    async close() {
      await relay.close();
      await demo?.close();
    },
  };
}
