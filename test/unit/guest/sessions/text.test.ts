import assert from "node:assert/strict";
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
});
