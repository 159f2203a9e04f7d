/** A stack's file and the program, in a git repository of their own: removed, renamed, empty and unreadable files. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { configsOf, isProgramChanged, presentConfigsOf } from "../../../preview/project.ts";
import { REPOSITORY } from "../../../rehearsal/project-copy.ts";

const AWS = "config:\n  cloister:target: aws\n  cloister:region: eu-central-1\n";

describe("the project that is previewed", function () {
  this.timeout(30_000);
  let folder: string;
  const git = async (...args: string[]): Promise<void> => {
    await execa("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], { cwd: folder });
  };
  const stacks = async (): Promise<unknown> => {
    await git("commit", "--quiet", "--all", "--message", "change");
    const { stdout } = await execa("node", [join(folder, "preview/workflow/stacks.mjs"), "--base", "base"]);
    return JSON.parse(stdout);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "cloister-project-"));
    for (const file of ["stacks.mjs", "program.mjs"])
      await cp(join(REPOSITORY, "preview/workflow", file), join(folder, "preview/workflow", file));
    for (const one of ["infra", "docs"]) {
      await mkdir(join(folder, one));
      await writeFile(
        join(folder, one, `${one}.ts`),
        `export const ${one} = "a text of some length, so that it is one";\n`,
      );
    }
    for (const [stack, text] of Object.entries({ dev: AWS, prod: AWS.replace("central", "west"), local: "" }))
      await writeFile(join(folder, `Pulumi.${stack}.yaml`), text);
    await git("init", "--quiet");
    await git("add", ".");
    await git("commit", "--quiet", "--message", "base");
    await git("tag", "base");
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("a stack's file that is renamed: both stacks are concerned", async () => {
    await git("mv", "Pulumi.dev.yaml", "Pulumi.dev2.yaml");
    assert.deepEqual(await stacks(), ["dev", "dev2"]);
  });

  it("a stack's file that is removed under a name that objects have: it is concerned", async () => {
    await git("mv", "Pulumi.dev.yaml", "Pulumi.constructor.yaml");
    await git("commit", "--quiet", "--message", "named");
    await git("tag", "--force", "base");
    await git("rm", "--quiet", "Pulumi.constructor.yaml");
    assert.deepEqual(await stacks(), ["constructor"]);
  });

  it("a stack's file that hides its target: what the base says counts as well", async () => {
    await writeFile(join(folder, "Pulumi.dev.yaml"), AWS.replace("target: aws", "target: local"));
    await writeFile(join(folder, "Pulumi.prod.yaml"), AWS.replace("target: aws", "target: aws # here"));
    await writeFile(join(folder, "Pulumi.local.yaml"), "config:\n  cloister:target: local\n");
    assert.deepEqual(await stacks(), ["dev", "prod"]);
  });

  it("a file that leaves the program is a change of it, and one that was no part of it is none", async () => {
    await git("mv", "docs/docs.ts", "docs/other.ts");
    assert.equal(await isProgramChanged("base", folder), false, "the control");
    await git("mv", "infra/infra.ts", "docs/infra.ts");
    assert.equal(await isProgramChanged("base", folder), true);
    assert.deepEqual(await stacks(), ["dev", "prod"]);
  });

  it("a file that is removed, one that is empty, and one that cannot be read are told apart", async () => {
    assert.deepEqual(await configsOf("local", "base", folder), { base: "", head: "" });
    await rm(join(folder, "Pulumi.local.yaml"));
    assert.deepEqual(await configsOf("local", "base", folder), { base: "", head: undefined });
    await rm(join(folder, "Pulumi.dev.yaml"));
    assert.deepEqual(await configsOf("dev", "base", folder), { base: AWS, head: undefined });
    await mkdir(join(folder, "Pulumi.dev.yaml"));
    await assert.rejects(configsOf("dev", "base", folder), /^Error: Pulumi\.dev\.yaml: cannot be read: EISDIR/);
    await assert.rejects(configsOf("other", "base", folder), /there is no such file/);
  });

  it("a removed file is refused by all that needs the stack, with the way back", async () => {
    assert.equal((await presentConfigsOf("dev", "base", folder)).head, AWS, "the control");
    await rm(join(folder, "Pulumi.dev.yaml"));
    await assert.rejects(
      presentConfigsOf("dev", "base", folder),
      /^Error: Pulumi\.dev\.yaml: is removed\. Put it back first: git checkout base -- Pulumi\.dev\.yaml$/,
    );
  });
});
