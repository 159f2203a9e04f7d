import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EgressDecision } from "../../../guest/egress/decision.ts";
import { EgressProxy } from "../../../guest/egress/proxy.ts";
import { type Model, startModel } from "../../../guest/run/agent.ts";
import type { SessionPaths } from "../../../guest/sessions/state.ts";
import { testPolicy } from "../../support/sandbox.ts";

/** The way of a request of the agent's: its session's proxy, the relay, and the demo model behind it. */
describe("the audit rows of a model's requests", () => {
  let folder: string;
  let model: Model;
  let proxy: EgressProxy;
  const decisions: EgressDecision[] = [];
  const onDecision = (decision: EgressDecision) => decisions.push(decision);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-model-"));
    const paths = { relay: join(folder, "relay"), demo: join(folder, "demo"), home: "/sessions/a-b-c" };
    model = await startModel({
      session: "a-b-c",
      paths: paths as SessionPaths,
      settings: undefined,
      notice: () => {},
      onDecision,
    });
    proxy = new EgressProxy({ session: "a-b-c", folder, policy: testPolicy([]), internal: model.internal });
    proxy.on("decision", onDecision);
    await proxy.start();
  });
  beforeEach(() => {
    decisions.length = 0;
  });
  after(async () => {
    await proxy.stop();
    await model.close();
    await rm(folder, { recursive: true });
  });

  const ask = async (body: string, token = model.environment["ANTHROPIC_AUTH_TOKEN"]) => {
    const outgoing = request({
      socketPath: proxy.httpSocket,
      path: "http://model.cloister.internal/v1/messages?beta=true",
      method: "POST",
      headers: {
        host: "model.cloister.internal",
        authorization: `Bearer ${token}`,
        "proxy-authorization": `Basic ${Buffer.from(`srt:${proxy.token}`).toString("base64")}`,
      },
    });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  const rows = () => decisions.map(({ time: _, ...row }) => row);
  const ROW = {
    session: "a-b-c",
    host: "model.cloister.internal",
    port: 80,
    via: "model",
    method: "POST",
    path: "/v1/messages",
  };

  it("are one for each, and it says what the relay did: allowed", async () => {
    assert.equal(await ask('{"model":"m","messages":[]}'), 200);
    assert.deepEqual(rows(), [{ ...ROW, verdict: "allowed", reason: "passed on to the model" }]);
    assert.match(decisions[0]?.time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it("say denied of what the relay refuses, and nothing says allowed", async () => {
    assert.equal(
      await ask('{"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f"}]}]}'),
      403,
    );
    assert.equal(await ask("{}", "sk-ant-secret"), 403);
    assert.equal(await ask('{"a":1,"a":2}'), 400);
    assert.deepEqual(
      rows().map(({ verdict, reason, ...row }) => {
        assert.deepEqual(row, ROW);
        return `${verdict}: ${reason}`;
      }),
      [
        "denied: the content block container_upload is not passed on: the API's servers run it: it makes the API reach out on the session's behalf, past its egress policy",
        "denied: the request carries a key that is not this session's token: other keys may not be used from a session",
        "denied: the request's body has a key twice in one object",
      ],
    );
    assert.doesNotMatch(JSON.stringify(decisions), /sk-ant|beta=true|cloister-session-/);
  });
});
