import assert from "node:assert/strict";
import {
  allGroups,
  distributionsIn,
  ensureSystemPackages,
  SystemPackagesError,
  thisHost,
} from "../../../../lib/system/index.ts";
import { type Host, planFor } from "../../../../lib/system/select.ts";

const report = (): void => {};

/** A computer that has everything but the named commands and files. */
function host(lacks: readonly string[], change: Partial<Host> = {}): Host {
  const has = (name: string): boolean => !lacks.some((lack) => name.includes(lack));
  return {
    platform: "linux",
    arch: "amd64",
    distributions: ["debian"],
    isRoot: true,
    hasBrew: false,
    hasCommand: has,
    hasFile: has,
    hasFirmware: (arch) => has(arch === "arm64" ? "AAVMF" : "OVMF"),
    ...change,
  };
}

describe("system packages", () => {
  const all = { arch: "amd64", groups: allGroups } as const;

  it("does nothing, quickly, when all is there", async () => {
    assert.deepEqual(planFor(all, host([])), { kind: "complete" });
    const started = performance.now();
    await ensureSystemPackages({ arch: "amd64", groups: [], report });
    assert.ok(performance.now() - started < 100);
  });

  it("installs what is missing as root on Debian and on what is like it", () => {
    const lacking = ["xorriso", "ssh", "OVMF", "qemu-system-x86_64"];
    const packages = ["openssh-client", "ovmf", "qemu-system-x86", "xorriso"];
    const wanted = { arch: "amd64", groups: ["vm"] } as const;
    const withoutFedora = host([...lacking, "edk2"]);
    assert.deepEqual(planFor(wanted, withoutFedora), { kind: "install", packages });
    const mint = host([...lacking, "edk2"], { distributions: ["linuxmint", "ubuntu", "debian"] });
    assert.deepEqual(planFor(wanted, mint), { kind: "install", packages });
  });

  it("asks only for the groups and the architecture that are wanted", () => {
    const nothing = host([""]);
    assert.deepEqual(planFor({ arch: "amd64", groups: ["runtime-image"] }, nothing), {
      kind: "install",
      packages: ["squashfs-tools"],
    });
    const plan = planFor({ arch: "arm64", groups: ["vm"] }, nothing);
    assert.ok(plan.kind === "install" && plan.packages.includes("qemu-efi-aarch64") && !plan.packages.includes("ovmf"));
    const standIn = (arch: "amd64" | "arm64"): readonly string[] => {
      const made = planFor({ arch, groups: ["base-image-stand-in"] }, nothing);
      return made.kind === "install" ? made.packages : [];
    };
    assert.ok(standIn("arm64").includes("qemu-user-static"));
    assert.ok(!standIn("amd64").includes("qemu-user-static"));
  });

  it("prints the exact command for an ordinary user and fails", async () => {
    const poor = host(["socat", "bwrap"], { isRoot: false });
    await assert.rejects(ensureSystemPackages({ ...all, host: poor, report }), (error: Error) => {
      assert.ok(error instanceof SystemPackagesError);
      assert.match(error.message, /^missing on this computer: bwrap, socat\. Run these commands, then start again:/);
      assert.deepEqual(error.commands, [
        "sudo apt-get update",
        "sudo apt-get install --yes --no-install-recommends bubblewrap socat",
      ]);
      return true;
    });
  });

  it("names Homebrew's formulae on macOS, and what cannot be had there", () => {
    const mac = (lacks: readonly string[], hasBrew = true): Host =>
      host(lacks, { platform: "darwin", arch: "arm64", distributions: [], isRoot: false, hasBrew });
    const plan = planFor(
      { arch: "arm64", groups: ["vm", "runtime-image"] },
      mac(["qemu", "xorriso", "mksquashfs", "AAVMF", "edk2"]),
    );
    assert.ok(plan.kind === "ask");
    assert.deepEqual(plan.commands, ["brew install qemu squashfs xorriso"]);
    assert.match(plan.hint, /HVF then accelerates arm64/);
    const without = planFor({ arch: "arm64", groups: ["vm"] }, mac(["xorriso"], false));
    assert.match(without.kind === "ask" ? without.hint : "", /^Install Homebrew \(https:\/\/brew\.sh\)/);
    const linux = planFor({ arch: "arm64", groups: ["sandbox-tests"] }, mac(["bwrap"]));
    assert.match(linux.kind === "ask" ? linux.hint : "", /Linux only/);
  });

  it("tells the packages' names on other distributions", () => {
    const plan = planFor({ arch: "amd64", groups: ["vm"] }, host(["xorriso"], { distributions: ["fedora"] }));
    assert.match(plan.kind === "ask" ? plan.hint : "", /Debian's packages are: xorriso/);
  });

  it("fails when an installation did not bring what it should", async () => {
    const asked: string[][] = [];
    const install = async (packages: readonly string[]): Promise<void> => void asked.push([...packages]);
    await assert.rejects(
      ensureSystemPackages({ arch: "amd64", groups: ["vm"], host: host(["xorriso"]), install, report }),
      /xorriso\. They were installed, yet/,
    );
    assert.deepEqual(asked, [["xorriso"]]);
  });

  it("reads os-release and looks on PATH and in the folders of the system's tools", () => {
    assert.deepEqual(distributionsIn('NAME="Linux Mint"\nID=linuxmint\nVERSION_ID="1"\nID_LIKE="ubuntu debian"\n'), [
      "linuxmint",
      "ubuntu",
      "debian",
    ]);
    assert.equal(thisHost({ PATH: "" }).hasCommand("node-that-is-nowhere"), false);
    assert.equal(thisHost({ PATH: "/bin:/usr/bin" }).hasCommand("sh"), true);
  });
});
