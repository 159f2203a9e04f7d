import assert from "node:assert/strict";
import { KeptSession } from "../../../../guest/sessions/list.ts";
import { sessionList } from "../../../../guest/sessions/text.ts";

const SESSIONS = [
  { name: "web", since: "2026-01-02T03:04:05.000Z", pid: 7, detached: { began: "B" } },
  { name: "work", since: "2026-01-03T03:04:05.000Z", detached: { began: "B", ended: "E", exitCode: 7 } },
];

describe("the list of sessions", () => {
  it("is a table on a terminal, which says when there are none", async () => {
    const text = await sessionList(SESSIONS, { isTTY: true, columns: 120 });
    assert.match(text, /│ session │ kept since +│ runs +│ detached run/);
    assert.match(text, /│ web +│ 2026-01-02T03:04:05.000Z │ process 7 │ since B/);
    assert.equal(await sessionList([], { isTTY: true }), "no sessions\n");
  });

  it("is one line each with tabs on a pipe, and nothing when there are none", async () => {
    assert.equal(
      await sessionList(SESSIONS, {}),
      "web\t2026-01-02T03:04:05.000Z\t7\tsince B\nwork\t2026-01-03T03:04:05.000Z\t\texit code 7, E\n",
    );
    assert.equal(await sessionList([], {}), "");
  });

  it("has times that are times, and nothing that a terminal obeys", () => {
    const good = KeptSession.parse({
      name: "web",
      since: new Date(0).toISOString(),
      detached: { began: new Date().toISOString(), ended: new Date().toISOString(), exitCode: 0 },
    });
    assert.equal(good.since, "1970-01-01T00:00:00.000Z", "the control");
    for (const bad of [
      "\u001b]52;c;eA==\u0007",
      "2026-01-02T03:04:05.000Z\u001b[2J",
      "2026-01-02T03:04:05.000Z\n",
      "B",
    ]) {
      assert.equal(KeptSession.safeParse({ ...good, since: bad }).success, false);
      for (const key of ["began", "ended"])
        assert.equal(
          KeptSession.safeParse({ ...good, detached: { ...good.detached, [key]: bad } }).success,
          false,
          key,
        );
    }
  });
});
