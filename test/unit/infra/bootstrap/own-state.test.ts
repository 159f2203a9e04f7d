import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Found, inTheWay } from "../../../../cli/bootstrap/account.ts";
import { BootstrapEngine } from "../../../../cli/bootstrap/engine.ts";
import { readInputs } from "../../../../infra/bootstrap/inputs.ts";

const GOOD = { accountId: "123456789012", region: "eu-central-1", bucket: "fleet-state", repository: "ada/fleet" };
const { inputs } = readInputs(GOOD);
assert.ok(inputs);

type Resource = readonly [urn: string, id?: string];
const KEY: Resource = ["urn:pulumi:bootstrap::cloister-bootstrap::aws:kms/key:Key::state", "key-1"];
const BUCKET: Resource = ["urn:pulumi:bootstrap::cloister-bootstrap::aws:s3/bucket:Bucket::state", "fleet-state"];
const OTHER_KEY: Resource = [KEY[0], "key-2"];
const exported = (...resources: readonly Resource[]): string =>
  JSON.stringify({ version: 3, deployment: { resources: resources.map(([urn, id]) => ({ urn, id })) } });

/** Stands in for Pulumi: exports the file `there.json`, or the one beside the state that is here. */
const PULUMI = `#!/bin/sh
case "$PULUMI_BACKEND_URL" in
  file:*) exec cat "$PWD/here.json" ;;
  *) exec cat "$THERE" ;;
esac
`;

describe("the account's own state, here and in the bucket", () => {
  let project: string;
  const engineOf = async (more: Partial<typeof GOOD> = {}): Promise<BootstrapEngine> =>
    await BootstrapEngine.open(
      project,
      { ...GOOD, ...more },
      () => {},
      () => Promise.resolve({ pulumi: join(project, "pulumi"), env: { THERE: join(project, "there.json") } }),
    );
  const folderOf = (name: string): string => join(project, ".cloister/bootstrap", name);
  const stateOf = (name: string): string =>
    join(folderOf(name), "state/.pulumi/stacks/cloister-bootstrap/bootstrap.json");
  const MINE = "123456789012-fleet-state";
  const leave = async (name: string, ...resources: readonly Resource[]): Promise<void> => {
    await mkdir(join(stateOf(name), ".."), { recursive: true });
    await writeFile(stateOf(name), "{}");
    await writeFile(join(folderOf(name), "here.json"), exported(...resources));
  };
  const inBucket = async (...resources: readonly Resource[]) =>
    await writeFile(join(project, "there.json"), exported(...resources));

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), "cloister-own-state-"));
    await writeFile(join(project, "pulumi"), PULUMI, { mode: 0o755 });
  });
  afterEach(async () => await rm(project, { recursive: true }));

  it("is another account's, or another bucket's, which stays", async () => {
    await leave(MINE, KEY, BUCKET);
    await inBucket(["urn:b", "b"]);
    for (const more of [{ accountId: "210987654321" }, { bucket: "fleet-state-2" }]) {
      const engine = await engineOf(more);
      assert.equal(await engine.here(), undefined);
      assert.equal(await engine.settle(), "bucket");
      assert.ok(existsSync(stateOf(MINE)));
    }
    assert.equal(await (await engineOf()).here(), exported(KEY, BUCKET), "the control");
  });

  it("goes from here when the bucket has all of it, and only then", async () => {
    for (const [what, there] of [
      ["a resource", [KEY]],
      ["an id", [OTHER_KEY, BUCKET]],
    ] as const) {
      await leave(MINE, KEY, BUCKET);
      await inBucket(...there);
      await assert.rejects(
        (await engineOf()).settle(),
        /lacks 1 of the resources.*Nothing was changed/s,
        `lacks ${what}`,
      );
      assert.ok(existsSync(stateOf(MINE)), what);
    }
    await inBucket(BUCKET, KEY, ["urn:more", "1"]);
    assert.equal(await (await engineOf()).settle(), "bucket");
    assert.equal(existsSync(stateOf(MINE)), false);
  });

  it("is the one here after a move that was interrupted; without one here nothing is begun anew", async () => {
    await inBucket();
    await assert.rejects((await engineOf()).settle(), /is empty, and there is none in .*run the command there again/);
    // A run that was not consented to leaves a state without resources.
    await leave(MINE);
    assert.equal(await (await engineOf()).here(), undefined);
    await assert.rejects((await engineOf()).settle(), /is empty/);
    await leave(MINE, KEY, BUCKET);
    assert.equal(await (await engineOf()).settle(), "here", "the control");
    assert.ok(existsSync(stateOf(MINE)));
  });
});

describe("an account that is ready already", () => {
  const way = (found: Omit<Found, "trusts">, hasHere = false, trusts = false) =>
    inTheWay({ ...found, trusts }, hasHere, { ...inputs, region: "us-east-1" });
  const taken = ["the role fleet-deployer"];

  it("is made ready no second time, in another region or with another bucket", () => {
    assert.match(
      way({ bucket: "none", taken }) ?? "",
      /has the role fleet-deployer already, .*write the --bucket and --region of that time.*\nNothing was made\.$/,
    );
    const all = way({ bucket: "none", taken: ["the role a", "the policy b", "the policy c"] }, false, true) ?? "";
    assert.match(all, /has the role a, the policy b and the policy c already/);
    assert.match(all, /trusts token\.actions\.githubusercontent\.com already.*--existing-provider/, "all in one round");
    assert.match(way({ bucket: "there", taken: [] }) ?? "", /this program did not make it/);
    for (const [found, hasHere] of [
      [{ bucket: "none", taken: [] }, false],
      [{ bucket: "none", taken }, true],
      [{ bucket: "there", taken }, true],
      [{ bucket: "with the account's state", taken }, false],
    ] as const)
      assert.equal(way(found, hasHere, hasHere), undefined, JSON.stringify([found, hasHere]));
  });
});
