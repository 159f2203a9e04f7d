import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditFile, auditProblem, fileAudit } from "../../../../guest/container/audit.ts";
import { denial } from "../../../support/denial.ts";

describe("the audit log of a container", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-container-audit-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("tells of rows that a full disk did not take, to the caller and in itself once there is room", async () => {
    const path = join(folder, "audit.jsonl");
    // Every byte that is written there is one too many.
    await symlink("/dev/full", path);
    const problems: string[] = [];
    const audit = fileAudit((line) => problems.push(line), path, "a-b-c");
    audit.write(denial("first.example"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await unlink(path);
    audit.write(denial("second.example"));
    await audit.close();
    assert.match(problems.join("\n"), /ENOSPC.*rows are missing/);
    const rows = (await readFile(path, "utf8")).trim().split("\n");
    assert.deepEqual(
      rows.map((line) => Object.keys(JSON.parse(line) as object)),
      [["lost"]],
    );
    assert.match(rows.join(), /ENOSPC/);
  });

  it("has every row where there is room: the control", async () => {
    const path = join(folder, "audit.jsonl");
    const audit = fileAudit((line) => assert.fail(line), path, "a-b-c");
    audit.write(denial("first.example"));
    await audit.close();
    assert.match(
      await readFile(path, "utf8"),
      /^\{.*"host":"first\.example".*\}\n\{"session":"a-b-c","whole":true\}\n$/,
    );
  });

  it("has no end on a disk that is full to the end", async () => {
    const path = join(folder, "audit.jsonl");
    await symlink("/dev/full", path);
    const problems: string[] = [];
    const audit = fileAudit((line) => problems.push(line), path, "a-b-c");
    await audit.close();
    assert.match(problems.join(), /ENOSPC/, "the closing row is a row, too");
  });

  it("is in a folder that is mounted, or else in memory, and a mounted one that cannot be written is told", async () => {
    const mounts = [{ path: "/" }, { path: folder }];
    assert.equal(auditFile(mounts, folder), join(folder, "audit.jsonl"));
    assert.equal(await auditProblem(mounts, folder), undefined, "the control");
    assert.equal(auditFile(mounts, "/elsewhere"), "/run/cloister/audit.jsonl");
    assert.equal(await auditProblem(mounts, "/elsewhere"), undefined);
    const gone = join(folder, "gone");
    assert.match((await auditProblem([{ path: gone }], gone)) ?? "", /cannot be written: .*mount a folder on .*gone/);
  });
});
