import assert from "node:assert/strict";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import { reportDrift } from "../../../preview/forge/drift-issue.ts";
import { githubIssues, gitlabIssues, type Issues } from "../../../preview/forge/issues.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { ForgeStandIn } from "../../../rehearsal/forge-stand-in.ts";
import { documentOf } from "../../support/preview/documents.ts";
import { driftOf } from "../../support/preview/drift.ts";

const patience = { tries: 3, pauseMs: 1, longestMs: 1500 };
const at = (document: ChangeDocument, minute: number, stack = "dev"): ChangeDocument => ({
  ...document,
  stack,
  at: `2026-11-27T12:${String(minute).padStart(2, "0")}:00.000Z`,
});
const [none, tag, disk] = [driftOf("none"), driftOf("tag"), driftOf("disk")];

for (const kind of ["github", "gitlab"] as const) {
  describe(`issues about drift on ${kind} (its API: a stand-in)`, () => {
    let server: ForgeStandIn;
    let issues: Issues;
    beforeEach(async () => {
      server = await ForgeStandIn.start();
      const common = { api: server.api, token: "secret-token", self: "bot", patience };
      issues =
        kind === "github"
          ? githubIssues({ ...common, repository: "owner/name" })
          : gitlabIssues({ ...common, project: "group/name" });
    });
    afterEach(async () => await server.stop());
    const states = (): string[] => server.issues.map(({ title, state }) => `${state} ${title}`);

    it("open with the drift, have the newest look, close with it, and open again", async () => {
      assert.equal(await reportDrift(issues, at(none, 1)), "nothing to say");
      assert.deepEqual(states(), []);
      assert.equal(await reportDrift(issues, at(tag, 2)), "opened");
      assert.deepEqual(states(), ["open Drift in dev"]);
      assert.equal(server.issues[0]?.confidential, kind === "gitlab");
      assert.equal(await reportDrift(issues, at(disk, 3)), "updated");
      assert.equal(server.issues[0]?.body, comment(at(disk, 3)).text);
      assert.equal(await reportDrift(issues, at(none, 4)), "closed");
      assert.deepEqual(states(), ["closed Drift in dev"]);
      assert.match(server.issues[0]?.body ?? "", /no drift/);
      assert.equal(await reportDrift(issues, at(none, 5)), "nothing to say");
      assert.equal(await reportDrift(issues, at(tag, 6)), "opened again");
      assert.deepEqual(states(), ["open Drift in dev"]);
    });

    it("are one for each stack, found among hundreds; others' are left alone", async () => {
      await reportDrift(issues, at(tag, 1));
      const body = server.issues[0]?.body ?? "";
      server.addIssue("mallory", { title: "Drift in dev", body });
      server.addIssue("bot", { title: "quotes it", body: `> ${body}` });
      if (kind === "github") server.addIssue("bot", { title: "a pull request", body, isPull: true });
      for (let i = 0; i < 150; i++) server.addIssue("bot", { title: `other ${i}`, body: "text" });
      const before = states().length;
      assert.equal(await reportDrift(issues, at(tag, 2, "dev-eu")), "opened");
      assert.equal(await reportDrift(issues, at(none, 3)), "closed");
      assert.equal(states().length, before + 1);
      assert.deepEqual(
        server.issues.filter(({ state }) => state === "closed").map(({ number }) => number),
        [1],
      );
      assert.ok(server.requests.some((one) => one.endsWith("?page=2")));
    });

    it("of an older look never replace a newer look's, and of two that were opened at once one is left", async () => {
      await reportDrift(issues, at(disk, 5));
      assert.equal(await reportDrift(issues, at(none, 4)), "a newer look's issue is there");
      assert.deepEqual(states(), ["open Drift in dev"]);
      server.addIssue("bot", { title: "Drift in dev", body: comment(at(tag, 5)).text });
      assert.equal(await reportDrift(issues, at(tag, 6)), "updated");
      assert.deepEqual(states(), ["open Drift in dev", "closed Drift in dev"]);
    });

    it("stay as they are when the look was not complete, and are about nothing but drift", async () => {
      await reportDrift(issues, at(disk, 1));
      const failed = { ...at(none, 2), complete: false, result: "failed" as const };
      await assert.rejects(reportDrift(issues, failed), /did not come to its end/);
      await assert.rejects(reportDrift(issues, at(documentOf("none"), 3)), /of a preview/);
      assert.deepEqual(states(), ["open Drift in dev"]);
      assert.equal(server.issues[0]?.body, comment(at(disk, 1)).text);
    });

    it("survive a 502, are cut where the forge takes less, and give up with its words", async () => {
      server.troubles.push({ method: "GET", status: 502 });
      server.longest = 1000;
      await assert.rejects(reportDrift(issues, at(disk, 1)), /too long/);
      server.longest = 65_536;
      assert.equal(await reportDrift(issues, at(disk, 2)), "opened");
      server.troubles.push({ method: "GET", status: 403, body: { message: "Resource not accessible" } });
      await assert.rejects(reportDrift(issues, at(disk, 3)), /Resource not accessible.*issues: write/);
    });
  });
}
