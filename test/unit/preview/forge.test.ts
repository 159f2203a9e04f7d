import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { ChangeDocument } from "../../../preview/change-set/document.ts";
import type { Forge } from "../../../preview/forge/forge.ts";
import { github } from "../../../preview/forge/github.ts";
import { gitlab } from "../../../preview/forge/gitlab.ts";
import { publish } from "../../../preview/forge/publish.ts";
import { pullOf } from "../../../preview/forge/pull.ts";
import { comment } from "../../../preview/render/markdown.ts";
import { ForgeStandIn } from "../../../rehearsal/forge-stand-in.ts";
import { documentOf } from "../../support/preview/documents.ts";

const patience = { tries: 3, pauseMs: 1, longestMs: 1500 };
const pool = documentOf("pool-size");
const ami = documentOf("ami");
const at = (document: ChangeDocument, minute: number, stack = "dev"): ChangeDocument => ({
  ...document,
  stack,
  at: `2026-11-27T12:${String(minute).padStart(2, "0")}:00.000Z`,
});

for (const kind of ["github", "gitlab"] as const) {
  describe(`comments on ${kind} (its API: a stand-in)`, () => {
    let server: ForgeStandIn;
    let forge: Forge;
    beforeEach(async () => {
      server = await ForgeStandIn.start();
      const common = { api: server.api, token: "secret-token", self: "bot", patience };
      forge =
        kind === "github"
          ? github({ ...common, repository: "owner/name", pull: 12 })
          : gitlab({ ...common, project: "group/name", mergeRequest: 12 });
    });
    afterEach(async () => await server.stop());
    const bodies = (): string[] => server.notes.filter(({ author }) => author === "bot").map(({ body }) => body);

    it("are one for each stack: the same changes are edited, others written anew and the old removed", async () => {
      assert.equal(await publish(forge, at(pool, 1)), "created");
      const [first] = server.notes;
      assert.equal(await publish(forge, { ...at(pool, 2), commit: "0a0a0a0a" }), "edited");
      assert.deepEqual(
        server.notes.map(({ id }) => id),
        [first?.id],
      );
      assert.match(bodies().join(), /0a0a0a0a/);
      assert.equal(await publish(forge, at(ami, 3)), "created");
      assert.equal(await publish(forge, at(pool, 4, "dev-eu")), "created");
      assert.deepEqual(bodies(), [comment(at(ami, 3)).text, comment(at(pool, 4, "dev-eu")).text]);
    });

    it("of a change that was taken back say that nothing changes", async () => {
      await publish(forge, at(ami, 1));
      assert.match(bodies().join(), /2 machines replaced/);
      await publish(forge, at(documentOf("none"), 2));
      assert.equal(bodies().length, 1);
      assert.match(bodies().join(), /no change/);
    });

    it("are found on the second page of a hundred, and others' quotes of the mark left alone", async () => {
      const quote = comment(at(pool, 9)).text;
      server.add("mallory", quote);
      for (let i = 0; i < 120; i++) server.add("someone", `comment ${i}`);
      server.add("bot", `> ${quote}`);
      await publish(forge, at(pool, 1));
      for (let i = 0; i < 100; i++) server.add("someone", `more ${i}`);
      await publish(forge, at(ami, 2));
      assert.equal(server.notes.length, 1 + 120 + 1 + 100 + 1);
      assert.ok(server.notes.some(({ author, body }) => author === "mallory" && body === quote));
      assert.equal(bodies().at(-1), comment(at(ami, 2)).text);
      assert.ok(server.requests.some((one) => one.endsWith("?page=3")));
    });

    it("of an older run never replace a newer run's", async () => {
      await publish(forge, at(ami, 5));
      assert.equal(await publish(forge, at(pool, 4)), "a newer run's comment is there");
      assert.deepEqual(bodies(), [comment(at(ami, 5)).text]);
    });

    it("of two runs at once end with the newer one, whoever writes last", async () => {
      for (const [outer, inner] of [
        [at(pool, 1), at(ami, 2)],
        [at(ami, 2), at(pool, 1)],
      ] as const) {
        server.notes.length = 0;
        let isFirst = true;
        // The other run does all of its work between this one's look and its writing.
        server.meanwhile = async (request) => {
          if (!request.startsWith("POST") || !isFirst) return;
          isFirst = false;
          await publish(forge, inner);
        };
        await publish(forge, outer);
        assert.deepEqual(bodies(), [comment(at(ami, 2)).text]);
      }
      server.meanwhile = () => {};
      server.notes.length = 0;
      await Promise.all([publish(forge, at(pool, 3)), publish(forge, at(ami, 4))]);
      assert.deepEqual(bodies(), [comment(at(ami, 4)).text]);
    });

    it("survive a 502 whose request was done, a 500 and a rate limit", async () => {
      server.troubles.push({ method: "POST", status: 502, done: true }, { method: "GET", status: 500 });
      server.troubles.push({ method: "GET", status: 429, headers: { "retry-after": "1" } });
      await publish(forge, at(pool, 1));
      assert.deepEqual(bodies(), [comment(at(pool, 1)).text]);
    });

    it("give up with the forge's words: a limit that is too long, a token without the right, trouble without end", async () => {
      const now = Math.floor(Date.now() / 1000);
      const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now + 3600) };
      server.troubles.push({ method: "GET", status: 403, headers, body: { message: "API rate limit exceeded" } });
      await assert.rejects(
        publish(forge, at(pool, 1)),
        /403 API rate limit exceeded: the forge asks to wait 3\d\d\d s/,
      );
      server.troubles.push({
        method: "POST",
        status: 403,
        body: { message: "Resource not accessible by integration" },
      });
      await assert.rejects(publish(forge, at(pool, 1)), /not accessible by integration: the token may not write here/);
      for (let i = 0; i < 3; i++) server.troubles.push({ method: "GET", status: 502 });
      await assert.rejects(publish(forge, at(pool, 1)), /502/);
      assert.deepEqual(bodies(), []);
    });

    it("that are too long for the forge are cut by their levels, and not to be approved", async () => {
      const [change] = ami.changes.filter(({ op }) => op === "update");
      assert.ok(change);
      const changes = Array.from({ length: 200 }, (_, i) => ({
        ...change,
        name: `template-${i}`,
        properties: change.properties.map((one) => ({ ...one, before: { value: `before ${i} ${"x".repeat(150)}` } })),
      }));
      const long = at({ ...ami, changes }, 1);
      server.longest = 32_000;
      assert.ok(comment(long).text.length > server.longest, "the comment is too long at first");
      assert.equal(await publish(forge, long), "created");
      const [body = ""] = bodies();
      assert.ok(body.length > 0 && [...body].length <= server.longest);
      assert.match(body, /complete=false.*Not to be approved/s);
    });
  });
}

describe("the pull request of a fork's run", () => {
  const commit = "a".repeat(40);
  let server: ForgeStandIn;
  beforeEach(async () => {
    server = await ForgeStandIn.start();
    const of = (number: number, label: string, sha: string, repository = "owner/name") =>
      server.pulls.push({ number, label, sha, repository });
    of(12, "mallory:topic", commit);
    of(13, "mallory:topic", commit, "owner/other");
    of(14, "ada:topic", commit);
    of(15, "mallory:moved", "b".repeat(40));
  });
  afterEach(async () => await server.stop());
  const found = async (head: string): Promise<number> =>
    await pullOf({ api: server.api, repository: "owner/name", token: "secret-token", head, commit, patience });

  it("is the open one with its head and its commit, and no other", async () => {
    assert.equal(await found("mallory:topic"), 12);
    assert.equal(await found("ada:topic"), 14);
    for (const head of ["mallory:moved", "mallory:none", "mallory:topic&state=closed"])
      await assert.rejects(found(head), /0 open pull requests/, head);
    server.pulls.push({ number: 16, label: "mallory:topic", sha: commit, repository: "owner/name" });
    await assert.rejects(found("mallory:topic"), /2 open pull requests/);
  });

  const comment = async (document: object, ...args: string[]) => {
    const folder = await mkdtemp(join(tmpdir(), "cloister-fork-"));
    try {
      const file = join(folder, "change.json");
      await writeFile(file, JSON.stringify(document));
      const env = { GITHUB_API_URL: server.api, GITHUB_REPOSITORY: "owner/name", GITHUB_TOKEN: "secret-token" };
      const all = [
        "--import",
        "tsx",
        "preview/forge/main.ts",
        "--document",
        file,
        "--stack",
        "dev",
        "--as",
        "bot",
        ...args,
      ];
      return await execa(process.execPath, all, { env, reject: false });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  it("gets its rehearsed document, labelled so; one that claims to be of the account or names a pull request is refused", async () => {
    const head = ["--head", "mallory:topic", "--commit", commit, "--rehearsed"];
    const posing = await comment(pool, ...head);
    assert.equal(posing.exitCode, 1);
    assert.match(posing.stderr, /says that it is of the account/);
    const naming = await comment({ ...pool, rehearsed: true, pull: 1 }, ...head);
    assert.match(naming.stderr, /is no document of a preview/);
    assert.equal(server.notes.length, 0);
    const shown = await comment({ ...pool, rehearsed: true }, ...head);
    assert.equal(shown.exitCode, 0, shown.stderr);
    assert.deepEqual(
      server.notes.map((note) => [note.pull, /rehearsed, not your account/.test(note.body)]),
      [[12, true]],
    );
  }).timeout(60_000);
});

describe("a fork's merge request on GitLab (its API: a stand-in)", () => {
  it("is shown by a rehearsal alone, whatever its document says of itself", async () => {
    const server = await ForgeStandIn.start();
    const folder = await mkdtemp(join(tmpdir(), "cloister-fork-"));
    const publishAs = async (document: ChangeDocument, source: number) => {
      server.source = source;
      const file = join(folder, "change.json");
      await writeFile(file, JSON.stringify(at(document, 1)));
      const args = ["--forge", "gitlab", "--as", "bot", "--document", file, "--stack", "dev", "--pull", "12"];
      return await execa(process.execPath, ["--import", "tsx", "preview/forge/main.ts", ...args], {
        cwd: new URL("../../../", import.meta.url),
        env: { CI_PROJECT_ID: "1", CI_API_V4_URL: server.api, CLOISTER_COMMENT_TOKEN: "secret-token" },
        reject: false,
      });
    };
    try {
      const refused = await publishAs(ami, 2);
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /says that it is of the account/);
      assert.equal(server.notes.length, 0);
      assert.equal((await publishAs({ ...ami, rehearsed: true }, 2)).exitCode, 0);
      assert.match(server.notes[0]?.body ?? "", /rehearsed, not your account/);
      const own = await publishAs(ami, 1);
      assert.equal(own.exitCode, 0, own.stderr);
    } finally {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }).timeout(60_000);
});
