import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

const DESCRIPTORS = new URL("../../../../../infra/local/host/descriptors.ts", import.meta.url).href;

/** Starts a program that tells which descriptors it has got, after closing those that it got itself, or not. */
const program = (close: boolean): string => `
import { spawnSync } from "node:child_process";
const { closeInherited } = await import(${JSON.stringify(DESCRIPTORS)});
${close ? "closeInherited();" : ""}
const { stdout } = spawnSync("/bin/sh", ["-c", "ls -l /proc/self/fd"], { encoding: "utf8" });
console.log(stdout);`;

describe("descriptors of whoever started us", () => {
  before(function () {
    if (process.platform !== "linux") this.skip();
  });

  const handedOn = async (close: boolean): Promise<boolean> => {
    const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", program(close)];
    const inherited = 'exec 9</etc/hostname; exec 250</etc/hostname; exec "$@"';
    const child = spawn("bash", ["-c", inherited, "bash", ...node], { stdio: ["ignore", "pipe", "inherit"] });
    const list = await text(child.stdout);
    assert.match(list, /0 -> /, "the list came");
    return list.includes("/etc/hostname");
  };

  it("are not handed on to what outlives us", async () => {
    assert.equal(await handedOn(false), true, "the control: Node hands on what it got");
    assert.equal(await handedOn(true), false);
  });
});
