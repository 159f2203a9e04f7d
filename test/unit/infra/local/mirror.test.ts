import assert from "node:assert/strict";
import { debianMirror } from "../../../../infra/local/mirror.ts";

describe("the mirror for packages of a local machine", () => {
  const apt = (address: string) => () => Promise.resolve({ sources: address ? `Debian\ttrixie\t${address}` : "" });
  const ask = (packages: string[], baseImage: "auto" | "ubuntu-22.04" | "debian-13-stand-in", address: string) =>
    debianMirror({ packages, baseImage }, apt(address), {});

  it("is that of this computer's apt, only where the stand-in installs packages", async () => {
    const address = "http://mirror.example/debian";
    assert.deepEqual(await ask(["cmake"], "debian-13-stand-in", address), { debianMirror: address });
    assert.deepEqual(await ask(["cmake"], "auto", address), { debianMirror: address });
    assert.deepEqual(await ask([], "auto", address), {});
    assert.deepEqual(await ask(["cmake"], "ubuntu-22.04", address), {});
  });

  it("is asked for where there is none, or where it would show credentials", async () => {
    const none = await ask(["cmake"], "debian-13-stand-in", "");
    assert.ok("problem" in none);
    assert.match(none.problem.message, /CLOISTER_DEBIAN_MIRROR=/);
    assert.equal(none.problem.path, "cloister:packages");
    assert.deepEqual(await ask(["cmake"], "auto", ""), {}, "it may be Ubuntu's image");
    const secret = await ask(["cmake"], "auto", "http://user:secret@mirror.example/debian");
    assert.ok("problem" in secret);
    assert.match(secret.problem.message, /credentials/);
    assert.doesNotMatch(JSON.stringify(secret), /secret@/);
  });
});
