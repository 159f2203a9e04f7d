import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { seccompProfile, seccompText } from "../../../../images/container/seccomp.ts";
import {
  containerOptions,
  DEFAULTS,
  type EngineKind,
  optionWords,
  SECCOMP,
} from "../../../../infra/container/options.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const DOCKER: EngineKind = { program: "docker", rootless: false, cgroups: 2, apparmor: true };
const spec = { ...DEFAULTS, user: { uid: 1000, gid: 1000 }, folders: [], seccomp: SECCOMP };

/** Of files that say the same in another form. */
describe("the container's options", () => {
  const words = optionWords(containerOptions(DOCKER, spec));

  it("are all in the compose file", async () => {
    const { services } = parse(await readFile(join(ROOT, "container/compose.yaml"), "utf8")) as {
      services: { cloister: Record<string, unknown> };
    };
    const it = services.cloister;
    const said = [
      `--user=${String(it["user"]).replace(/\$\{\w+:-(\d+)\}/g, "$1")}`,
      ...(it["cap_drop"] as string[]).map((one) => `--cap-drop=${one}`),
      ...(it["security_opt"] as string[]).map((one) => `--security-opt=${one.replace("./seccomp.json", SECCOMP)}`),
      ...(it["read_only"] === true ? ["--read-only"] : []),
      ...(it["tmpfs"] as string[]).map((one) => `--tmpfs=${one}`),
      `--memory=${it["mem_limit"]}`,
      `--memory-swap=${it["memswap_limit"]}`,
      `--cpus=${it["cpus"]}`,
      `--pids-limit=${it["pids_limit"]}`,
      `--hostname=${it["hostname"]}`,
    ];
    assert.deepEqual(said.sort(), [...words].sort());
  });

  it("are all in the editor's file", async () => {
    const text = await readFile(join(ROOT, "container/devcontainer.json"), "utf8");
    const { runArgs, containerUser } = parse(text.replace(/^\/\/.*$/gm, "")) as {
      runArgs: string[];
      containerUser: string;
    };
    const said = runArgs.map((one) => one.replace(/seccomp=.*/, `seccomp=${SECCOMP}`));
    assert.deepEqual([...said, `--user=${containerUser}`].sort(), [...words].sort());
  });

  it("leave out what a rootless podman cannot give on old control groups, which the container then refuses by itself", () => {
    const rootless = optionWords(
      containerOptions({ program: "podman", rootless: true, cgroups: 1, apparmor: false }, spec),
    );
    assert.ok(rootless.includes("--userns=keep-id"));
    assert.ok(!rootless.some((word) => word.startsWith("--memory")));
  });

  it("name a profile that is the one which the sources make, and that lets nothing through that it should not", async () => {
    assert.equal(await readFile(SECCOMP, "utf8"), seccompText());
    const { syscalls } = seccompProfile();
    const names = syscalls.filter(({ action }) => action === "SCMP_ACT_ALLOW").flatMap((rule) => rule.names);
    // docker 20.10 answers EPERM for what is not named, and the C library then makes no thread.
    const threads = syscalls.find((rule) => rule.names.includes("clone3"));
    assert.deepEqual([threads?.action, threads?.errnoRet], ["SCMP_ACT_ERRNO", 38]);
    for (const call of [
      "bpf",
      "clone3",
      "io_uring_setup",
      "keyctl",
      "kexec_load",
      "open_tree",
      "ptrace",
      "userfaultfd",
      "vmsplice",
    ]) {
      assert.ok(!names.includes(call), call);
    }
  });
});
