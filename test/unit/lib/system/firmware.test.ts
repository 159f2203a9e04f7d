import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { descriptorFolders, type Files, findFirmware } from "../../../../lib/system/firmware.ts";

/** A computer with these files; those that end in .json hold what is given. */
function computer(content: Readonly<Record<string, unknown>>): Files {
  return {
    exists: (path) => path in content,
    list: (folder) => Object.keys(content).flatMap((path) => (dirname(path) === folder ? [basename(path)] : [])),
    read: (path) => (typeof content[path] === "string" ? (content[path] as string) : JSON.stringify(content[path])),
  };
}

const files = (...paths: string[]): Record<string, string> => Object.fromEntries(paths.map((path) => [path, ""]));

/** As QEMU's packages have them. */
const described = (code: string, variables: string, change: Record<string, unknown> = {}) => ({
  description: "UEFI firmware",
  "interface-types": ["uefi"],
  mapping: {
    device: "flash",
    mode: "split",
    executable: { filename: code, format: code.endsWith("qcow2") ? "qcow2" : "raw" },
    "nvram-template": { filename: variables, format: variables.endsWith("qcow2") ? "qcow2" : "raw" },
  },
  targets: [{ architecture: "x86_64", machines: ["pc-q35-*"] }],
  features: ["acpi-s3", "verbose-dynamic"],
  tags: [],
  ...change,
});

describe("UEFI firmware", () => {
  it("is found where each distribution has it", () => {
    const amd64: Record<string, [string, string]> = {
      Debian: ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
      Arch: ["/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"],
      Fedora: ["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
      openSUSE: ["/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"],
      Gentoo: ["/usr/share/edk2-ovmf/OVMF_CODE.fd", "/usr/share/edk2-ovmf/OVMF_VARS.fd"],
      Homebrew: ["/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd"],
    };
    for (const [where, [code, variables]] of Object.entries(amd64)) {
      const found = findFirmware("amd64", computer(files(code, variables)));
      assert.deepEqual([found?.code, found?.variables], [code, variables], where);
      assert.equal(findFirmware("amd64", computer(files(code))), undefined, `${where}: half of it is none`);
      assert.equal(findFirmware("arm64", computer(files(code, variables))), undefined, where);
    }
    const arm64: Record<string, [string, string]> = {
      Arch: ["/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"],
      openSUSE: ["/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"],
      Homebrew: ["/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"],
    };
    for (const [where, [code, variables]] of Object.entries(arm64)) {
      assert.equal(findFirmware("arm64", computer(files(code, variables)))?.code, code, where);
    }
    const fedora = "/usr/share/edk2/aarch64/";
    const qcow2 = files(`${fedora}QEMU_EFI-pflash.qcow2`, `${fedora}vars-template-pflash.qcow2`);
    assert.equal(findFirmware("arm64", computer(qcow2))?.format, "qcow2");
  });

  it("is what QEMU's packages describe, before what is in a known place", () => {
    const known = files("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd");
    const folder = "/usr/share/qemu/firmware";
    const all = {
      ...known,
      ...files("/f/code.qcow2", "/f/vars.qcow2", "/f/secure", "/f/keys", "/f/memory", "/f/vars"),
      [`${folder}/10-damaged.json`]: "{",
      [`${folder}/20-secure.json`]: described("/f/secure", "/f/vars", { features: ["secure-boot", "requires-smm"] }),
      [`${folder}/25-keys.json`]: described("/f/keys", "/f/vars", { features: ["enrolled-keys"] }),
      [`${folder}/30-bios.json`]: described("/f/memory", "/f/vars", { "interface-types": ["bios"] }),
      [`${folder}/35-stateless.json`]: { ...described("", ""), mapping: { device: "memory", filename: "/f/memory" } },
      [`${folder}/40-arm.json`]: described("/f/memory", "/f/vars", {
        targets: [{ architecture: "aarch64", machines: ["virt-*"] }],
      }),
      [`${folder}/45-microvm.json`]: described("/f/memory", "/f/vars", {
        targets: [{ architecture: "x86_64", machines: ["microvm"] }],
      }),
      [`${folder}/50-gone.json`]: described("/gone/code", "/gone/vars"),
      [`${folder}/60-plain.json`]: described("/f/code.qcow2", "/f/vars.qcow2"),
    };
    assert.deepEqual(findFirmware("amd64", computer(all)), {
      code: "/f/code.qcow2",
      variables: "/f/vars.qcow2",
      format: "qcow2",
    });
    const { [`${folder}/60-plain.json`]: _plain, ...rest } = all;
    assert.equal(findFirmware("amd64", computer(rest))?.code, "/usr/share/OVMF/OVMF_CODE.fd", "the control");
    // A file of the same name in /etc takes its place, also to switch it off.
    const off = computer({ ...all, "/etc/qemu/firmware/60-plain.json": "" });
    assert.equal(findFirmware("amd64", off)?.code, "/usr/share/OVMF/OVMF_CODE.fd");
  });

  it("is looked for beside a QEMU that is somewhere else, too", () => {
    assert.ok(descriptorFolders({ PATH: "/nix/profile/bin:relative" }).includes("/nix/profile/share/qemu/firmware"));
  });
});
